import { Group, Paper, Text, Title } from '@mantine/core'
import type { Side, Worker } from '@/shared/api/generated/types.gen'
import { otherSide, SIDES } from '@/shared/format/sides'
import { secondsSince, shownMoment, shownSeconds } from '@/shared/format/time'
import { StateBadge } from '@/shared/ui/Badges'
import { Fact, Facts } from '@/shared/ui/Fact'

interface Props {
  name: string
  from: Side
  worker: Worker | undefined
}

/** One direction: its worker's state in words, lag, rate, and the last error with what helps. */
export function DirectionCard({ name, from, worker }: Props) {
  const title = `direction-${name}`
  return (
    <Paper component="section" withBorder p="md" radius="md" aria-labelledby={title}>
      <Group justify="space-between" gap="sm" mb="sm">
        <Title order={2} size="h4" id={title}>
          {SIDES[from]} → {SIDES[otherSide(from)]}
        </Title>
        {worker ? (
          <StateBadge tone={worker.healthy ? 'good' : 'bad'}>{worker.silent ? 'silent' : worker.state.replaceAll('_', ' ')}</StateBadge>
        ) : (
          <StateBadge tone="bad">never started</StateBadge>
        )}
      </Group>
      {worker ? (
        <Told worker={worker} />
      ) : (
        <Text>
          The {name} has never said anything. Start it: <code>lockstep run</code>
        </Text>
      )}
    </Paper>
  )
}

function Told({ worker }: { worker: Worker }) {
  return (
    <>
      <Text>{worker.silent ? `Nothing is heard of it. The last it said: ${worker.meaning}.` : sentence(worker.meaning)}</Text>
      {worker.reason && worker.reason !== worker.meaning && !worker.healthy ? <Text className="breakable">{worker.reason}</Text> : null}
      {worker.hint && !worker.healthy ? (
        <Text className="breakable">
          What helps: <code>{worker.hint}</code>
        </Text>
      ) : null}
      <Facts>
        <Fact name="Lag">{worker.lag_seconds === null ? 'cannot be told' : shownSeconds(worker.lag_seconds)}</Fact>
        <Fact name="Rate">{worker.rows_per_second === null ? 'not told' : `${worker.rows_per_second} rows/s`}</Fact>
        <Fact name="In this state since">{shownMoment(worker.since)}</Fact>
        <Fact name="Last said something">{shownSeconds(secondsSince(worker.reported_at))} ago</Fact>
        <Fact name={worker.healthy && worker.last_error ? 'Last error, over since' : 'Last error'}>
          {worker.last_error || 'none since its start'}
          {worker.last_error_hint && !worker.healthy ? (
            <>
              <br />
              What helps: <code>{worker.last_error_hint}</code>
            </>
          ) : null}
        </Fact>
      </Facts>
    </>
  )
}

function sentence(text: string): string {
  return text ? `${text.charAt(0).toUpperCase()}${text.slice(1)}.` : ''
}
