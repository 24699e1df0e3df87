import { Alert, Button, Text } from '@mantine/core'
import { Link, useLocation } from 'react-router'
import { asProblem } from '@/shared/api/problem'

interface Props {
  error: unknown
  again?: () => void
}

/** What went wrong and what to do about it. */
export function ProblemNotice({ error, again }: Props) {
  const problem = asProblem(error)
  const { pathname, search } = useLocation()
  if (problem.stranger) {
    return (
      <Alert role="alert" color="red" variant="outline" title="You are logged out">
        <Text>Your session has ended.</Text>
        <Button component={Link} to={`/login?next=${encodeURIComponent(pathname + search)}`} mt="sm" size="xs">
          Log in again
        </Button>
      </Alert>
    )
  }
  return (
    <Alert role="alert" color="red" variant="outline" title={problem.title}>
      {problem.message !== problem.title ? <Text>{problem.message}</Text> : null}
      {problem.whatToDo ? <Text>{problem.whatToDo}</Text> : null}
      {again ? (
        <Button onClick={again} mt="sm" size="xs" variant="default">
          Try again
        </Button>
      ) : null}
    </Alert>
  )
}
