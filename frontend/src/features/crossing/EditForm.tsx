import { Button } from '@mantine/core'
import { useState, type SubmitEvent } from 'react'
import type { Crossing, EditField, Side } from '@/shared/api/generated/types.gen'
import { asProblem } from '@/shared/api/problem'
import { SIDES } from '@/shared/format/sides'
import { ProblemNotice } from '@/shared/ui/ProblemNotice'
import { FieldInput } from './FieldInput'
import { FieldSelect } from './FieldSelect'
import { asInput, fromInput } from './fields'
import type { LiveAction } from './live'
import { useEdit } from './useEdit'

interface Props {
  id: string
  side: Side
  customer: Crossing
  tell: (action: LiveAction) => void
}

/** Edits one field on one side. */
export function EditForm({ id, side, customer, tell }: Props) {
  const [field, setField] = useState<EditField>('name')
  // Until somebody types, the field shows what stands there.
  const [typed, setTyped] = useState<string | null>(null)
  const editing = useEdit(id, tell)
  const value = typed ?? asInput(customer, side, field)
  const problem = editing.error ? asProblem(editing.error) : null
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    editing.mutate(
      { side, field, value: fromInput(field, value) },
      {
        onSuccess: () => {
          setTyped(null)
        },
      },
    )
  }
  return (
    <form onSubmit={submit} className="edit" aria-label={`Edit in ${SIDES[side]}`}>
      <FieldSelect
        value={field}
        change={(next) => {
          setField(next)
          setTyped(null)
        }}
      />
      <FieldInput field={field} label={`New value in ${SIDES[side]}`} value={value} change={setTyped} error={problem?.fields.value} />
      <Button type="submit" loading={editing.isPending}>
        Write to {SIDES[side]}
      </Button>
      {problem && !problem.fields.value ? <ProblemNotice error={problem} /> : null}
    </form>
  )
}
