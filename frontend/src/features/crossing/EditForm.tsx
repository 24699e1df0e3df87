import type { Crossing, Side } from '@/shared/api/generated/types.gen'
import { SIDES } from '@/shared/format/sides'
import { FieldForm } from './FieldForm'
import { asInput, takesLines } from './fields'
import type { LiveAction } from './live'

interface Props {
  id: string
  side: Side
  customer: Crossing
  tell: (action: LiveAction) => void
}

/** Edits one field on one side, beginning with what stands there. */
export function EditForm({ id, side, customer, tell }: Props) {
  return (
    <FieldForm
      id={id}
      side={side}
      tell={tell}
      label={`Edit in ${SIDES[side]}`}
      button={`Write to ${SIDES[side]}`}
      asked={(field) => {
        const first = asInput(customer, side, field)
        return [{ name: 'value', label: `New value in ${SIDES[side]}`, first, lines: takesLines(field, first) }]
      }}
    />
  )
}
