import { Paper, SimpleGrid, Text, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import '@/shared/api/client'
import {
  accountsListOptions,
  customersListOptions,
  transactionsListOptions,
} from '@/shared/api/generated/@tanstack/react-query.gen'
import type { Account, Customer, Transaction } from '@/shared/api/generated/types.gen'
import { Answered } from '@/shared/ui/Answered'
import { Empty } from '@/shared/ui/Empty'
import { Fact, Facts } from '@/shared/ui/Fact'

const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: 'long', timeZone: 'UTC' })
const NUMBER = new Intl.NumberFormat()

/** Everything that the API shows a customer: who they are, their accounts, their transactions. */
export function Documents() {
  const customers = useQuery(customersListOptions())
  const accounts = useQuery(accountsListOptions())
  const transactions = useQuery(transactionsListOptions())
  return (
    <>
      <Answered query={customers} what="your data">
        {({ results }) =>
          results.length === 0 ? (
            <Empty title="No documents">Nothing here is held under an e-mail address that you have verified.</Empty>
          ) : (
            results.map((customer) => <CustomerCard key={customer.id} customer={customer} />)
          )
        }
      </Answered>
      <Answered query={accounts} what="your accounts">
        {({ results }) =>
          results.length === 0 ? null : (
            <section aria-labelledby="accounts-title">
              <Title order={2} size="h3" id="accounts-title" mb="sm">
                Accounts
              </Title>
              <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
                {results.map((account) => (
                  <AccountCard key={account.id} account={account} />
                ))}
              </SimpleGrid>
            </section>
          )
        }
      </Answered>
      <Answered query={transactions} what="your transactions">
        {({ results }) => (results.length === 0 ? null : <Buckets buckets={results} />)}
      </Answered>
    </>
  )
}

function CustomerCard({ customer }: { customer: Customer }) {
  return (
    <Paper component="section" withBorder p="md" radius="md" aria-label={customer.name}>
      <Title order={2} size="h3">
        {customer.name}
      </Title>
      <Facts>
        <Fact name="Username">{customer.username}</Fact>
        <Fact name="E-mail">{customer.email}</Fact>
        <Fact name="Address">
          <span className="lines">{customer.address}</span>
        </Fact>
        <Fact name="Born">{DAY.format(new Date(customer.birthdate))}</Fact>
        {Object.entries(customer.tier_and_details).map(([key, tier]) => (
          <Fact key={key} name={`${tier.tier} tier${tier.active ? '' : ' (ended)'}`}>
            {tier.benefits.join(', ') || 'no benefits'}
          </Fact>
        ))}
      </Facts>
    </Paper>
  )
}

function AccountCard({ account }: { account: Account }) {
  return (
    <Paper component="article" withBorder p="md" radius="md" aria-label={`Account ${account.account_id}`}>
      <Text fw={600}>Account {account.account_id}</Text>
      <Text>Limit {NUMBER.format(account.limit)}</Text>
      <Text c="dimmed">{account.products.join(', ')}</Text>
    </Paper>
  )
}

function Buckets({ buckets }: { buckets: readonly Transaction[] }) {
  return (
    <section aria-labelledby="transactions-title">
      <Title order={2} size="h3" id="transactions-title" mb="sm">
        Transactions
      </Title>
      {buckets.map((bucket) => (
        <details key={bucket.id} className="bucket">
          <summary>
            Account {bucket.account_id}: {bucket.transaction_count} from {DAY.format(new Date(bucket.bucket_start_date))} to{' '}
            {DAY.format(new Date(bucket.bucket_end_date))}
          </summary>
          <div className="scroll" role="region" aria-label={`Transactions of account ${bucket.account_id}`} tabIndex={0}>
            <table className="children">
              <thead>
                <tr>
                  {['Date', 'Kind', 'Symbol', 'Amount', 'Total'].map((name) => (
                    <th key={name} scope="col">
                      {name}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {bucket.transactions.map((entry, place) => (
                  <tr key={place}>
                    <td>{DAY.format(new Date(entry.date))}</td>
                    <td>{entry.transaction_code}</td>
                    <td>{entry.symbol.toUpperCase()}</td>
                    <td>{NUMBER.format(entry.amount)}</td>
                    <td>{inShort(entry.total)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </details>
      ))}
    </section>
  )
}

/** Exact decimal text, cut for the eye to two places. */
function inShort(decimal: string): string {
  return decimal.replace(/(\.\d{2})\d+$/, '$1')
}
