import { NativeSelect, TextInput } from '@mantine/core'
import type { EditField } from '@/shared/api/generated/types.gen'
import { FLAG_WORDS } from './fields'

interface Props {
  field: EditField
  label: string
  value: string
  change: (value: string) => void
  error?: string | undefined
}

/** Where a new value of a field is typed, or chosen where there are few. */
export function FieldInput({ field, label, value, change, error }: Props) {
  if (field === 'active') {
    return (
      <NativeSelect
        label={label}
        data={FLAG_WORDS}
        value={value}
        error={error}
        onChange={(event) => {
          change(event.currentTarget.value)
        }}
      />
    )
  }
  return (
    <TextInput
      label={label}
      value={value}
      error={error}
      onChange={(event) => {
        change(event.currentTarget.value)
      }}
    />
  )
}
