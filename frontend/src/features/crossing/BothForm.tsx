import { Button, Paper, Text, Title } from '@mantine/core'
import { useState, type SubmitEvent } from 'react'
import type { EditField } from '@/shared/api/generated/types.gen'
import { asProblem } from '@/shared/api/problem'
import { ProblemNotice } from '@/shared/ui/ProblemNotice'
import { FieldInput } from './FieldInput'
import { FieldSelect } from './FieldSelect'
import { fromInput, suggestion } from './fields'
import type { LiveAction } from './live'
import { useEdit } from './useEdit'

/** Edits the same field on both sides at the same moment: a conflict on purpose. */
export function BothForm({ id, tell }: { id: string; tell: (action: LiveAction) => void }) {
  const [field, setField] = useState<EditField>('name')
  const [mysql, setMySQL] = useState(() => suggestion('name', 'mysql'))
  const [mongo, setMongo] = useState(() => suggestion('name', 'mongo'))
  const editing = useEdit(id, tell)
  const problem = editing.error ? asProblem(editing.error) : null
  const suggest = (of: EditField) => {
    setMySQL(suggestion(of, 'mysql'))
    setMongo(suggestion(of, 'mongo'))
  }
  const choose = (of: EditField) => {
    setField(of)
    suggest(of)
  }
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    editing.mutate(
      { side: 'both', field, mysql_value: fromInput(field, mysql), mongo_value: fromInput(field, mongo) },
      { onSuccess: () => suggest(field) },
    )
  }
  const unplaced = problem && !problem.fields.mysql_value && !problem.fields.mongo_value
  return (
    <Paper component="section" withBorder p="md" radius="md" aria-labelledby="both-title">
      <Title order={2} size="h4" id="both-title">
        Edit both at once
      </Title>
      <Text size="sm" c="dimmed" mb="sm">
        Two people change the same field in the same moment. Watch which value wins, and where the other one is kept.
      </Text>
      <form onSubmit={submit} className="edit edit-both">
        <FieldSelect value={field} change={choose} />
        <FieldInput field={field} label="Value for MySQL" value={mysql} change={setMySQL} error={problem?.fields.mysql_value} />
        <FieldInput field={field} label="Value for MongoDB" value={mongo} change={setMongo} error={problem?.fields.mongo_value} />
        <Button type="submit" loading={editing.isPending}>
          Edit both at once
        </Button>
        {unplaced ? <ProblemNotice error={problem} /> : null}
      </form>
    </Paper>
  )
}
