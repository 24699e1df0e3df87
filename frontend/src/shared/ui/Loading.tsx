import { Group, Loader, Text } from '@mantine/core'

/** Says to everybody that something is on its way. */
export function Loading({ what }: { what: string }) {
  return (
    <Group role="status" gap="sm" py="md">
      <Loader size="sm" aria-hidden />
      <Text>Loading {what} …</Text>
    </Group>
  )
}
