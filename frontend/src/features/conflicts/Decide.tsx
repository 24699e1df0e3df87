import { Button, Group, Paper, Stack, Text, Textarea, Title } from '@mantine/core'
import { useState, type SubmitEvent } from 'react'
import type { ConflictDetail, Unit } from '@/shared/api/generated/types.gen'
import { placeId } from '@/shared/format/places'
import { Confirm } from './Confirm'
import { decisionOf, sameUnits, UNCHOSEN, type Choices } from './decision'
import { UnitChoice } from './UnitChoice'
import { isOnItsWay, type Decision } from './useDecision'

interface Props {
  conflict: ConflictDetail
  decision: Decision
}

/** Decides a held document, field by field. What is chosen is bound to the values that stood here when it was. */
export function Decide({ conflict, decision: { asking, ruling } }: Props) {
  const [units, setUnits] = useState<readonly Unit[]>(conflict.differing)
  const [choices, setChoices] = useState<Choices>({})
  const [reason, setReason] = useState('')
  const [missing, setMissing] = useState('')
  const [confirming, setConfirming] = useState(false)
  const { fields, wrong } = decisionOf(units, choices)
  const begun = Object.values(choices).some(({ take }) => take !== '')
  const moved = !sameUnits(units, conflict.differing)
  if (moved && !begun) setUnits(conflict.differing)
  const anew = () => {
    setUnits(conflict.differing)
    setChoices({})
    setConfirming(false)
  }
  const review = (event: SubmitEvent) => {
    event.preventDefault()
    const lacks = Object.keys(wrong).length > 0 ? 'Mend the value that is marked.' : fields.length === 0 ? 'Choose at least one value.' : ''
    const why = lacks || (reason.trim() === '' ? 'Say why: a reason is needed.' : '')
    setMissing(why)
    setConfirming(why === '')
  }
  const send = () => {
    asking.mutate({ fields, reason }, { onSuccess: anew })
    setConfirming(false)
  }
  return (
    <Paper component="section" withBorder p="md" radius="md" aria-labelledby="decide-title">
      <Title order={2} size="h4" id="decide-title" mb="sm">
        Decide it
      </Title>
      {conflict.differing.length === 0 && !begun ? (
        <Text c="dimmed">Nothing can be decided field by field now: it has not been looked at yet, or one side cannot be read as rows.</Text>
      ) : (
        <form onSubmit={review} noValidate aria-label="Decide the conflict">
          <Stack gap="md">
            <Text size="sm" c="dimmed">
              A decision counts while both sides hold the values below. What you leave open stays so.
            </Text>
            {moved && begun ? (
              <div role="alert" className="moved">
                <Text>Other values stand there by now. A decision by these would be refused.</Text>
                <Button size="xs" variant="default" mt="xs" onClick={anew}>
                  Show the new values
                </Button>
              </div>
            ) : null}
            {units.map((unit) => (
              <UnitChoice
                key={placeId(unit)}
                unit={unit}
                choice={choices[placeId(unit)] ?? UNCHOSEN}
                error={missing ? wrong[placeId(unit)] : undefined}
                change={(choice) => {
                  setChoices({ ...choices, [placeId(unit)]: choice })
                  setConfirming(false)
                }}
              />
            ))}
            <Textarea
              label="Reason"
              description="Kept with the conflict, with your name."
              required
              autosize
              minRows={2}
              maxLength={2000}
              value={reason}
              onChange={(event) => {
                setReason(event.currentTarget.value)
                setConfirming(false)
              }}
            />
            {missing ? (
              <Text role="alert" className="missing">
                {missing}
              </Text>
            ) : null}
            {confirming ? (
              <Confirm fields={fields} send={send} back={() => setConfirming(false)} />
            ) : (
              <Group>
                <Button type="submit" loading={asking.isPending || isOnItsWay(ruling)}>
                  Decide
                </Button>
              </Group>
            )}
          </Stack>
        </form>
      )}
    </Paper>
  )
}
