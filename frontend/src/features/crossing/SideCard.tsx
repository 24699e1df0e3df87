import { Paper, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'
import type { Side } from '@/shared/api/generated/types.gen'
import { SIDES } from '@/shared/format/sides'

interface Props {
  side: Side
  what: string
  children: ReactNode
}

/** One database's half of the page. */
export function SideCard({ side, what, children }: Props) {
  return (
    <Paper component="section" withBorder p="md" radius="md" aria-labelledby={`side-${side}`} className={`side side-${side}`}>
      <Title order={2} size="h4" id={`side-${side}`}>
        {SIDES[side]}
      </Title>
      <Text size="sm" c="dimmed" mb="sm">
        {what}
      </Text>
      {children}
    </Paper>
  )
}
