import { Button } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from 'react-router'
import { logOut } from './allauth'

export function LogOutButton() {
  const queries = useQueryClient()
  const navigate = useNavigate()
  const leaving = useMutation({
    mutationFn: logOut,
    onSuccess: async () => {
      await navigate('/login', { replace: true })
      queries.clear()
    },
  })
  return (
    <Button
      variant="default"
      size="xs"
      onClick={() => {
        leaving.mutate()
      }}
      loading={leaving.isPending}
      title={leaving.isError ? 'That did not work; try again' : undefined}
    >
      Log out
    </Button>
  )
}
