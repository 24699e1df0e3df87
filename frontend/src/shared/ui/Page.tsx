import { Group, Stack, Text, Title } from '@mantine/core'
import { useDocumentTitle } from '@mantine/hooks'
import type { ReactNode } from 'react'

interface Props {
  title: string
  lead?: ReactNode
  beside?: ReactNode
  children: ReactNode
}

/** A page's heading, in the tab as well, and what stands below it. */
export function Page({ title, lead, beside, children }: Props) {
  useDocumentTitle(`${title} · Lockstep`)
  return (
    <Stack gap="lg">
      <div>
        <Group justify="space-between" align="center" gap="sm">
          <Title order={1} size="h2" className="breakable">
            {title}
          </Title>
          {beside}
        </Group>
        {lead ? (
          <Text c="dimmed" mt={4} className="breakable">
            {lead}
          </Text>
        ) : null}
      </div>
      {children}
    </Stack>
  )
}
