import { Button } from '@mantine/core'
import { useState, type SubmitEvent } from 'react'
import type { EditField, EditSide } from '@/shared/api/generated/types.gen'
import { asProblem } from '@/shared/api/problem'
import { ProblemNotice } from '@/shared/ui/ProblemNotice'
import { FieldInput } from './FieldInput'
import { FieldSelect } from './FieldSelect'
import { fromInput } from './fields'
import type { LiveAction } from './live'
import { useEdit } from './useEdit'

/** One value that the form asks for. */
export interface Asked {
  name: 'value' | 'mysql_value' | 'mongo_value'
  label: string
  /** Stands there until somebody types. */
  first: string
  lines: boolean
}

interface Props {
  id: string
  side: EditSide
  tell: (action: LiveAction) => void
  /** What is asked for of a field. */
  asked: (field: EditField) => readonly Asked[]
  /** A field was chosen, or an edit done. */
  begun?: () => void
  label: string
  button: string
}

/** Chooses a field, takes a value for each side in question, and writes. */
export function FieldForm({ id, side, tell, asked, begun, label, button }: Props) {
  const [field, setField] = useState<EditField>('name')
  const [typed, setTyped] = useState<Partial<Record<Asked['name'], string>>>({})
  const editing = useEdit(id, tell)
  const inputs = asked(field)
  const value = ({ name, first }: Asked) => typed[name] ?? first
  const problem = editing.error ? asProblem(editing.error) : null
  const type = (next: typeof typed) => {
    setTyped(next)
    // What was wrong with another value says nothing about this one.
    if (editing.isError) editing.reset()
  }
  const begin = () => {
    type({})
    begun?.()
  }
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    const values = Object.fromEntries(inputs.map((one) => [one.name, fromInput(field, value(one))]))
    editing.mutate({ side, field, ...values }, { onSuccess: begin })
  }
  return (
    <form onSubmit={submit} className={`edit edit-${inputs.length}`} aria-label={label}>
      <FieldSelect
        value={field}
        change={(next) => {
          setField(next)
          begin()
        }}
      />
      {inputs.map((one) => (
        <FieldInput
          key={one.name}
          field={field}
          label={one.label}
          value={value(one)}
          lines={one.lines}
          change={(text) => {
            type({ ...typed, [one.name]: text })
          }}
          restore={() => {
            type({ ...typed, [one.name]: undefined })
          }}
          error={problem?.fields[one.name]}
        />
      ))}
      <Button type="submit" loading={editing.isPending}>
        {button}
      </Button>
      {problem && !inputs.some(({ name }) => problem.fields[name]) ? <ProblemNotice error={problem} /> : null}
    </form>
  )
}
