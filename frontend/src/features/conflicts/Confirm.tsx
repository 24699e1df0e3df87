import { Button, Group, Text } from '@mantine/core'
import { useEffect, useRef } from 'react'
import type { TakenUnit } from '@/shared/api/generated/types.gen'
import { shownAt } from '@/shared/conflict/outcome'
import { placeName } from '@/shared/format/places'
import { UnitValue } from './UnitValue'

interface Props {
  fields: readonly TakenUnit[]
  send: () => void
  back: () => void
}

/** What will stand on both sides, said once more before it is asked for. */
export function Confirm({ fields, send, back }: Props) {
  const first = useRef<HTMLButtonElement>(null)
  useEffect(() => first.current?.focus(), [])
  return (
    <div role="group" aria-labelledby="confirm-title" className="confirm">
      <Text fw={600} id="confirm-title">
        On both sides shall stand:
      </Text>
      <ul>
        {fields.map((one) => (
          <li key={placeName(one)} className="breakable">
            {placeName(one)}:{' '}
            {one.take === 'value' ? <code>{shownAt(one.column, one.value)}</code> : <UnitValue unit={one} side={one.take} />}
          </li>
        ))}
      </ul>
      <Group>
        <Button ref={first} onClick={send}>
          Confirm the decision
        </Button>
        <Button variant="default" onClick={back}>
          Back
        </Button>
      </Group>
    </div>
  )
}
