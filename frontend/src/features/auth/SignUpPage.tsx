import { Anchor, Button, NativeSelect, Paper, PasswordInput, Stack, Text, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState, type SubmitEvent } from 'react'
import { Link, useNavigate } from 'react-router'
import { ROLES, type Role } from '@/shared/api/me'
import { asProblem } from '@/shared/api/problem'
import { Page } from '@/shared/ui/Page'
import { ProblemNotice } from '@/shared/ui/ProblemNotice'
import { signUp } from './allauth'

const CHOICES = Object.entries(ROLES).map(([value, label]) => ({ value, label }))

export function SignUpPage() {
  const [email, setEmail] = useState('')
  const [password, setPassword] = useState('')
  const [role, setRole] = useState<Role>('customer')
  const queries = useQueryClient()
  const navigate = useNavigate()
  const entering = useMutation({
    mutationFn: signUp,
    onSuccess: async () => {
      queries.clear()
      await navigate('/', { replace: true })
    },
  })
  const fields = entering.error ? asProblem(entering.error).fields : {}
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    entering.mutate({ email, password, requested_role: role })
  }
  return (
    <Page title="Sign up">
      <Paper component="form" onSubmit={submit} withBorder p="lg" radius="md" maw="28rem" noValidate>
        <Stack>
          {entering.error ? <ProblemNotice error={entering.error} /> : null}
          <TextInput
            label="E-mail"
            type="email"
            autoComplete="username"
            required
            value={email}
            onChange={(event) => setEmail(event.currentTarget.value)}
            error={fields.email}
          />
          <PasswordInput
            label="Password"
            description="At least eight characters, not only digits"
            autoComplete="new-password"
            required
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
            error={fields.password}
          />
          <NativeSelect
            label="Role"
            description="You start as a customer. Any other role is a request that senior management grants or refuses."
            data={CHOICES}
            value={role}
            onChange={(event) => setRole(event.currentTarget.value as Role)}
            error={fields.requested_role}
          />
          <Button type="submit" loading={entering.isPending}>
            Sign up
          </Button>
          <Text size="sm">
            Signed up already?{' '}
            <Anchor component={Link} to="/login" underline="always">
              Log in
            </Anchor>
          </Text>
        </Stack>
      </Paper>
    </Page>
  )
}
