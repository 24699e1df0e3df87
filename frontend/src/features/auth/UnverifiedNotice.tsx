import { Alert, Button, Text } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { addresses, sendVerification } from './allauth'

/** A customer's documents open only to a verified address; tells so, and sends the mail again. */
export function UnverifiedNotice() {
  const known = useQuery({ queryKey: ['addresses'], queryFn: addresses })
  const sending = useMutation({ mutationFn: sendVerification })
  const primary = known.data?.find((address) => address.primary)
  if (!primary || primary.verified) return null
  return (
    <Alert variant="outline" color="yellow" title="Your e-mail address is not verified">
      <Text>
        No documents are shown to you yet. The link to verify {primary.email} is in the mail that we sent.
      </Text>
      <Button
        mt="sm"
        size="xs"
        variant="default"
        loading={sending.isPending}
        onClick={() => {
          sending.mutate(primary.email)
        }}
      >
        Send it again
      </Button>
      <Text role="status" size="sm" mt="xs">
        {sending.isSuccess ? 'Sent.' : sending.isError ? sending.error.message : ''}
      </Text>
    </Alert>
  )
}
