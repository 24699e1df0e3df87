import { Paper, Text, Title } from '@mantine/core'
import { useState } from 'react'
import type { Crossing } from '@/shared/api/generated/types.gen'
import { FieldForm } from './FieldForm'
import { asInput, suggestions, takesLines } from './fields'
import type { LiveAction } from './live'

interface Props {
  id: string
  customer: Crossing
  tell: (action: LiveAction) => void
}

/** Edits the same field on both sides at the same moment: a conflict on purpose. */
export function BothForm({ id, customer, tell }: Props) {
  const [now, setNow] = useState(() => new Date())
  return (
    <Paper component="section" withBorder p="md" radius="md" aria-labelledby="both-title">
      <Title order={2} size="h4" id="both-title">
        Edit both at once
      </Title>
      <Text size="sm" c="dimmed" mb="sm">
        Two people change the same field in the same moment. Watch which value wins, and where the other one is kept.
      </Text>
      <FieldForm
        id={id}
        side="both"
        tell={tell}
        begun={() => {
          setNow(new Date())
        }}
        label="Edit in both"
        button="Edit both at once"
        asked={(field) => {
          const standing = { mysql: asInput(customer, 'mysql', field), mongo: asInput(customer, 'mongo', field) }
          const { mysql, mongo } = suggestions(field, standing, now)
          return [
            { name: 'mysql_value', label: 'Value for MySQL', first: mysql, lines: takesLines(field, standing.mysql) },
            { name: 'mongo_value', label: 'Value for MongoDB', first: mongo, lines: takesLines(field, standing.mongo) },
          ]
        }}
      />
    </Paper>
  )
}
