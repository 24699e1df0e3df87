import { NativeSelect, Radio, Stack, TextInput } from '@mantine/core'
import type { Unit } from '@/shared/api/generated/types.gen'
import { placeName } from '@/shared/format/places'
import { SIDES } from '@/shared/format/sides'
import { kindOf, type Choice } from './decision'
import { UnitValue } from './UnitValue'

interface Props {
  unit: Unit
  choice: Choice
  change: (choice: Choice) => void
  error?: string | undefined
}

/** One unit: the two values that stand there, and which is to stand. */
export function UnitChoice({ unit, choice, change, error }: Props) {
  const name = placeName(unit)
  const kind = kindOf(unit)
  const type = (own: string) => {
    change({ take: 'value', own })
  }
  return (
    <Radio.Group
      className="unit"
      label={name}
      value={choice.take}
      onChange={(take) => {
        change({ ...choice, take })
      }}
    >
      <Stack gap="xs" mt="xs">
        {(['mysql', 'mongo'] as const).map((side) => (
          <Radio
            key={side}
            value={side}
            label={
              <span className="breakable">
                {SIDES[side]}: <UnitValue unit={unit} side={side} />
              </span>
            }
          />
        ))}
        {kind ? <Radio value="value" label="A value of your own" /> : null}
        {kind && choice.take === 'value' ? (
          kind === 'flag' ? (
            <NativeSelect
              label={`Your value for ${name}`}
              data={[{ value: '', label: 'Choose' }, 'true', 'false']}
              value={choice.own}
              error={error}
              onChange={(event) => {
                type(event.currentTarget.value)
              }}
            />
          ) : (
            <TextInput
              label={`Your value for ${name}`}
              value={choice.own}
              error={error}
              onChange={(event) => {
                type(event.currentTarget.value)
              }}
            />
          )
        ) : null}
      </Stack>
    </Radio.Group>
  )
}
