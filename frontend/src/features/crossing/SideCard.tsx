import { Alert, Paper, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'
import type { Side } from '@/shared/api/generated/types.gen'
import { SIDES } from '@/shared/format/sides'

interface Props {
  side: Side
  what: string
  /** Why the mapping cannot take what stands there; empty: it can. */
  problem: string
  children: ReactNode
}

/** One database's half of the page. */
export function SideCard({ side, what, problem, children }: Props) {
  return (
    <Paper component="section" withBorder p="md" radius="md" aria-labelledby={`side-${side}`} className={`side side-${side}`}>
      <Title order={2} size="h4" id={`side-${side}`}>
        {SIDES[side]}
      </Title>
      <Text size="sm" c="dimmed" mb="sm">
        {what}
      </Text>
      {problem ? (
        <Alert role="alert" color="red" variant="outline" title="This cannot be carried across" mb="sm" className="breakable">
          {problem}. Mend it in {SIDES[side]}; the customer is held until then.
        </Alert>
      ) : null}
      {children}
    </Paper>
  )
}
