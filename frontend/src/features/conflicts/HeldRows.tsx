import { Paper, Text, Title } from '@mantine/core'
import type { HeldRow, Side } from '@/shared/api/generated/types.gen'
import { SIDES } from '@/shared/format/sides'
import { shownInColumn } from '@/shared/format/value'

/** What stood on one side when it was read last, as rows: the root row column by column, children as tables. `looked`: all of it was read. */
export function HeldRows({ side, rows, looked }: { side: Side; rows: readonly HeldRow[] | null; looked: boolean }) {
  const title = `held-${side}`
  const tables = Map.groupBy(rows ?? [], (row) => row.table)
  return (
    <Paper component="section" withBorder p="md" radius="md" aria-labelledby={title}>
      <Title order={2} size="h4" id={title} mb="sm">
        {looked ? `In ${SIDES[side]} when it was looked at` : `In ${SIDES[side]}, as far as it was read`}
      </Title>
      {rows === null ? <Text c="dimmed">No rows: it was not read, or could not be read as rows.</Text> : null}
      {rows?.length === 0 ? <Text c="dimmed">{looked ? 'The document was absent.' : 'No row.'}</Text> : null}
      {[...tables].map(([table, found]) =>
        found.every((row) => row.key.length === 1) ? (
          found.map((row) => <RootRow key={table} row={row} />)
        ) : (
          <ChildRows key={table} table={table} rows={found} side={side} />
        ),
      )}
    </Paper>
  )
}

function RootRow({ row }: { row: HeldRow }) {
  return (
    <table className="columns held">
      <caption>{row.table}</caption>
      <tbody>
        {Object.entries(row.row).map(([column, value]) => (
          <tr key={column}>
            <th scope="row">{column}</th>
            <td>
              <code className="breakable">{shownInColumn(value)}</code>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function ChildRows({ table, rows, side }: { table: string; rows: readonly HeldRow[]; side: Side }) {
  const columns = Object.keys(rows[0]?.row ?? {})
  return (
    <div className="scroll" role="region" aria-label={`${table} in ${SIDES[side]}`} tabIndex={0}>
      <table className="children held">
        <caption>{table}</caption>
        <thead>
          <tr>
            <th scope="col">key</th>
            {columns.map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={JSON.stringify(row.key)}>
              <td>
                <code>{row.key.slice(1).map(String).join(' ')}</code>
              </td>
              {columns.map((column) => (
                <td key={column}>
                  <code>{shownInColumn(row.row[column])}</code>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
