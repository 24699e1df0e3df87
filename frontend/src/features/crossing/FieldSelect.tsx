import { NativeSelect } from '@mantine/core'
import type { EditField } from '@/shared/api/generated/types.gen'
import { FIELDS } from './fields'

interface Props {
  value: EditField
  change: (field: EditField) => void
}

export function FieldSelect({ value, change }: Props) {
  return (
    <NativeSelect
      label="Field"
      data={[...FIELDS]}
      value={value}
      onChange={(event) => {
        change(event.currentTarget.value as EditField)
      }}
    />
  )
}
