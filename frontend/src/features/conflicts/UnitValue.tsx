import type { Side, Unit } from '@/shared/api/generated/types.gen'
import { shownAt } from '@/shared/conflict/outcome'
import { shownInColumn } from '@/shared/format/value'

/** What one side has of a unit: a column's value, or its rows. */
export function UnitValue({ unit, side }: { unit: Pick<Unit, 'column' | Side>; side: Side }) {
  const value = unit[side]
  if (unit.column || !Array.isArray(value)) return <code className="breakable">{shownAt(unit.column, value)}</code>
  if (value.length === 0) return <em>nothing</em>
  return (
    <code className="breakable lines">
      {value
        .map((found: { key: readonly unknown[]; row: Record<string, unknown> }) =>
          [...found.key.slice(1).map(String), ...Object.entries(found.row).map(([column, at]) => `${column} = ${shownInColumn(at)}`)].join(' '),
        )
        .join('\n')}
    </code>
  )
}
