import { NativeSelect, Textarea, TextInput } from '@mantine/core'
import type { KeyboardEvent } from 'react'
import type { EditField } from '@/shared/api/generated/types.gen'
import { FLAG_WORDS } from './fields'

interface Props {
  field: EditField
  label: string
  value: string
  /** Its line breaks must be kept. */
  lines: boolean
  change: (value: string) => void
  /** Back to what stood there first. */
  restore: () => void
  error?: string | undefined
}

/** Where a new value of a field is typed, or chosen where there are few. */
export function FieldInput({ field, label, value, lines, change, restore, error }: Props) {
  const common = {
    label,
    value,
    error,
    onChange: (event: { currentTarget: { value: string } }) => {
      change(event.currentTarget.value)
    },
    onKeyDown: (event: KeyboardEvent) => {
      if (event.key === 'Escape') restore()
    },
  }
  if (field === 'active') return <NativeSelect data={FLAG_WORDS} {...common} />
  return lines ? <Textarea autosize minRows={2} {...common} /> : <TextInput {...common} />
}
