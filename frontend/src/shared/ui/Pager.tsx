import { Pagination, Text } from '@mantine/core'

interface Props {
  count: number
  size: number
  page: number
  turn: (page: number) => void
  what: { one: string; many: string }
}

/** Which page of a list this is, and the way to the others. */
export function Pager({ count, size, page, turn, what }: Props) {
  const pages = Math.max(1, Math.ceil(count / size))
  return (
    <nav aria-label={`Pages of ${what.many}`} className="pager">
      <Text c="dimmed">
        {count} {count === 1 ? what.one : what.many}
      </Text>
      {pages > 1 ? (
        <Pagination
          total={pages}
          value={Math.min(page, pages)}
          onChange={turn}
          siblings={0}
          getItemProps={(number) => ({ 'aria-label': `Page ${number}` })}
          getControlProps={(control) => ({ 'aria-label': `${control} page` })}
        />
      ) : null}
    </nav>
  )
}
