import { Text } from '@mantine/core'
import type { Table as Rows } from '@/shared/api/generated/types.gen'
import { placeId } from '@/shared/format/places'
import { shownInColumn } from '@/shared/format/value'
import { MarkTag } from './MarkTag'
import type { Mark } from './recent'

type Marks = ReadonlyMap<string, Mark>

/** The customer in MySQL: the root row column by column, child rows as tables. */
export function RowsView({ tables, marks }: { tables: readonly Rows[]; marks: Marks }) {
  return (
    <div className="side-content">
      {tables.map((table, place) => (
        <section key={table.table} aria-label={`Table ${table.table}`}>
          <Text component="h3" className="table-name">
            {table.table}
            <span className="table-count">{table.rows.length === 1 ? '1 row' : `${table.rows.length} rows`}</span>
          </Text>
          {table.rows.length === 0 ? null : place === 0 ? <RootRow table={table} marks={marks} /> : <ChildRows table={table} marks={marks} />}
        </section>
      ))}
    </div>
  )
}

function RootRow({ table, marks }: { table: Rows; marks: Marks }) {
  const row = table.rows[0] ?? []
  const key = row.slice(0, table.key.length)
  return (
    <table className="columns">
      <tbody>
        {[...table.key, ...table.columns].map((column, place) => {
          const mark = marks.get(placeId({ table: table.table, key, column }))
          return (
            <tr key={column} className={markClass(mark)}>
              <th scope="row">{column}</th>
              <td>
                <code className="breakable">{shownInColumn(row[place])}</code> <MarkTag mark={mark} side="mysql" />
              </td>
            </tr>
          )
        })}
      </tbody>
    </table>
  )
}

function ChildRows({ table, marks }: { table: Rows; marks: Marks }) {
  // The first column is the customer's own key: the same everywhere.
  const names = [...table.key, ...table.columns].slice(1)
  return (
    <div className="scroll" role="region" aria-label={`Rows of ${table.table}`} tabIndex={0}>
      <table className="children">
        <thead>
          <tr>
            {names.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row) => {
            const key = row.slice(0, table.key.length)
            const mark = ['', ...table.columns].map((column) => marks.get(placeId({ table: table.table, key, column }))).find(Boolean)
            return (
              <tr key={JSON.stringify(key)} className={markClass(mark)}>
                {row.slice(1).map((value, place) => (
                  <td key={names[place]}>
                    <code>{shownInColumn(value)}</code>
                  </td>
                ))}
              </tr>
            )
          })}
        </tbody>
      </table>
    </div>
  )
}

export function markClass(mark: Mark | undefined): string | undefined {
  return mark ? (mark.arrived ? 'arrived' : 'written') : undefined
}
