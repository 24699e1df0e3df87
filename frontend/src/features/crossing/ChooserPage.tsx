import { Anchor, Button, Group, TextInput } from '@mantine/core'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useState, type SubmitEvent } from 'react'
import { Link, useSearchParams } from 'react-router'
import '@/shared/api/client'
import { customersListOptions } from '@/shared/api/generated/@tanstack/react-query.gen'
import { Answered } from '@/shared/ui/Answered'
import { Empty } from '@/shared/ui/Empty'
import { Page } from '@/shared/ui/Page'
import { Pager } from '@/shared/ui/Pager'
import { usePastTheEnd } from '@/shared/ui/usePastTheEnd'

const SIZE = 20

/** Which customer to watch: all of them by page, or one by its exact username or e-mail. */
export function ChooserPage() {
  const [params, setParams] = useSearchParams()
  const wanted = params.get('find') ?? ''
  const page = Math.max(1, Number(params.get('page')) || 1)
  const query = wanted ? { [wanted.includes('@') ? 'email' : 'username']: wanted } : {}
  const customers = useQuery({
    ...customersListOptions({ query: { ...query, page, page_size: SIZE } }),
    placeholderData: keepPreviousData,
  })
  const turn = (next: number) => {
    setParams({ ...(wanted ? { find: wanted } : {}), page: String(next) })
  }
  usePastTheEnd(customers, page, turn)
  return (
    <Page title="Crossing" lead="Choose a customer, then edit it on either side and watch the change arrive on the other.">
      <Search
        key={wanted}
        wanted={wanted}
        search={(find) => {
          setParams(find ? { find } : {})
        }}
      />
      <Answered query={customers} what="customers">
        {(found) =>
          found.results.length === 0 ? (
            <Empty title="No customer">
              {wanted ? 'Nobody has exactly this username or e-mail.' : 'There is no data yet: manage.py seed makes some.'}
            </Empty>
          ) : (
            <>
              <ul className="plain people" aria-label="Customers">
                {found.results.map(({ id, name, username, email }) => (
                  <li key={id}>
                    <Anchor component={Link} to={`/crossing/${id}`} underline="always" className="breakable">
                      {name || id}
                    </Anchor>
                    <span className="breakable">{username}</span>
                    <span className="breakable">{email}</span>
                  </li>
                ))}
              </ul>
              <Pager
                count={found.count}
                size={SIZE}
                page={page}
                what={{ one: 'customer', many: 'customers' }}
                turn={turn}
              />
            </>
          )
        }
      </Answered>
    </Page>
  )
}

function Search({ wanted, search }: { wanted: string; search: (find: string) => void }) {
  const [text, setText] = useState(wanted)
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    search(text)
  }
  return (
    <form role="search" onSubmit={submit} aria-label="Customers">
      <Group align="end" gap="sm">
        <TextInput
          label="Username or e-mail, exactly"
          value={text}
          onChange={(event) => {
            setText(event.currentTarget.value)
          }}
        />
        <Button type="submit" variant="default">
          Find
        </Button>
      </Group>
    </form>
  )
}
