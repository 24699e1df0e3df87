import { Container, Text, Title } from '@mantine/core'

/** A mistake of ours in drawing a page. */
export function Failed() {
  return (
    <Container component="main" py="xl">
      <Title order={1} size="h2">
        This page failed
      </Title>
      <Text mt="sm">
        It is a fault of the page, not of your data. <a href="/app/">Begin anew</a>
      </Text>
    </Container>
  )
}
