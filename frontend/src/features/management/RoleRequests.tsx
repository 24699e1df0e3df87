import { Button, Group, Paper, Text, Title } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import '@/shared/api/client'
import { roleRequestsListOptions, roleRequestsListQueryKey } from '@/shared/api/generated/@tanstack/react-query.gen'
import { roleRequestsGrantCreate, roleRequestsRefuseCreate } from '@/shared/api/generated/sdk.gen'
import type { RoleRequest } from '@/shared/api/generated/types.gen'
import { ROLES } from '@/shared/api/me'
import { shownMoment } from '@/shared/format/time'
import { Answered } from '@/shared/ui/Answered'
import { ProblemNotice } from '@/shared/ui/ProblemNotice'

const PENDING = { query: { status: 'pending' as const } }

/** Who would like to be more, to be granted or refused. */
export function RoleRequests() {
  const requests = useQuery({ ...roleRequestsListOptions(PENDING), refetchInterval: 10_000 })
  const queries = useQueryClient()
  const deciding = useMutation({
    mutationFn: async ({ request, grant }: { request: RoleRequest; grant: boolean }) => {
      const decide = grant ? roleRequestsGrantCreate : roleRequestsRefuseCreate
      await decide({ path: { id: request.id }, throwOnError: true })
      return `${request.email}: ${grant ? 'granted' : 'refused'}`
    },
    onSettled: () => queries.invalidateQueries({ queryKey: roleRequestsListQueryKey(PENDING) }),
  })
  return (
    <Paper component="section" withBorder p="md" radius="md" aria-labelledby="requests-title">
      <Title order={2} size="h4" id="requests-title" mb="sm">
        Role requests
      </Title>
      {deciding.error ? <ProblemNotice error={deciding.error} /> : null}
      <Answered query={requests} what="role requests">
        {({ results, count }) =>
          results.length === 0 ? (
            <Text c="dimmed">Nobody asks for another role now.</Text>
          ) : (
            <>
              {count > results.length ? <Text c="dimmed">The newest {results.length} of {count}.</Text> : null}
              <ul className="plain cards" aria-label="Pending role requests">
                {results.map((request) => (
                  <li key={request.id}>
                    <Group justify="space-between" gap="sm">
                      <div className="breakable">
                        <Text fw={600}>{request.email}</Text>
                        <Text size="sm" c="dimmed">
                          would like to be {ROLES[request.role].toLowerCase()}, since {shownMoment(request.requested_at)}
                        </Text>
                      </div>
                      <Group gap="xs">
                        {[true, false].map((grant) => (
                          <Button
                            key={String(grant)}
                            size="xs"
                            variant={grant ? 'filled' : 'default'}
                            disabled={deciding.isPending}
                            aria-label={`${grant ? 'Grant' : 'Refuse'} ${request.email}`}
                            onClick={() => {
                              deciding.mutate({ request, grant })
                            }}
                          >
                            {grant ? 'Grant' : 'Refuse'}
                          </Button>
                        ))}
                      </Group>
                    </Group>
                  </li>
                ))}
              </ul>
            </>
          )
        }
      </Answered>
      <Text role="status" size="sm" mt="xs">
        {deciding.data ?? ''}
      </Text>
    </Paper>
  )
}
