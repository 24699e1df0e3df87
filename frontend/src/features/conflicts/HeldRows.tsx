import { Paper, Text, Title } from '@mantine/core'
import type { HeldRow, Side } from '@/shared/api/generated/types.gen'
import { SIDES } from '@/shared/format/sides'
import { shownInColumn } from '@/shared/format/value'

/** What stood on one side when it was read last, as rows. */
export function HeldRows({ side, rows }: { side: Side; rows: readonly HeldRow[] | null }) {
  const title = `held-${side}`
  return (
    <Paper component="section" withBorder p="md" radius="md" aria-labelledby={title}>
      <Title order={2} size="h4" id={title} mb="sm">
        In {SIDES[side]}
      </Title>
      {rows === null ? <Text c="dimmed">It was not read.</Text> : null}
      {rows?.length === 0 ? <Text c="dimmed">The document was absent.</Text> : null}
      {rows?.map((row) => (
        <table className="columns held" key={JSON.stringify([row.table, row.key])}>
          <caption>
            {row.table} {row.key.slice(1).map(String).join(' ')}
          </caption>
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
      ))}
    </Paper>
  )
}
