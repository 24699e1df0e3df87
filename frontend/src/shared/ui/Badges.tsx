import { Badge } from '@mantine/core'
import type { ReactNode } from 'react'

const TONES = { good: 'teal', busy: 'blue', bad: 'red', quiet: 'gray' } as const

export type Tone = keyof typeof TONES

/** A word about a state; its colour says nothing that the word does not. */
export function StateBadge({ tone, children }: { tone: Tone; children: ReactNode }) {
  return (
    <Badge color={TONES[tone]} variant="outline" size="lg" tt="none" className={`state state-${tone}`}>
      {children}
    </Badge>
  )
}
