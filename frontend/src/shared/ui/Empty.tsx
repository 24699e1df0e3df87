import { Paper, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'

/** There is nothing to show, and why. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <Paper withBorder p="lg" radius="md">
      <Title order={2} size="h4">
        {title}
      </Title>
      {children ? <Text mt="xs">{children}</Text> : null}
    </Paper>
  )
}
