import { Anchor, Button, Paper, PasswordInput, Stack, Text, TextInput } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState, type SubmitEvent } from 'react'
import { Link, useLocation, useNavigate } from 'react-router'
import { asProblem } from '@/shared/api/problem'
import { Page } from '@/shared/ui/Page'
import { ProblemNotice } from '@/shared/ui/ProblemNotice'
import { logIn } from './allauth'
import { nextPage } from './entry'

export function LogInPage() {
  const [email, setEmail] = useState('')
  const [password, setPassword] = useState('')
  const queries = useQueryClient()
  const navigate = useNavigate()
  const { search } = useLocation()
  const entering = useMutation({
    mutationFn: logIn,
    onSuccess: async () => {
      queries.clear()
      await navigate(nextPage(search), { replace: true })
    },
  })
  const fields = entering.error ? asProblem(entering.error).fields : {}
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    entering.mutate({ email, password })
  }
  return (
    <Page title="Log in">
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
            autoComplete="current-password"
            required
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
            error={fields.password}
          />
          <Button type="submit" loading={entering.isPending}>
            Log in
          </Button>
          <Text size="sm">
            No account yet?{' '}
            <Anchor component={Link} to="/signup" underline="always">
              Sign up
            </Anchor>
            {' · '}
            <Anchor href="/accounts/password/reset/" underline="always">
              Forgot the password
            </Anchor>
          </Text>
        </Stack>
      </Paper>
    </Page>
  )
}
