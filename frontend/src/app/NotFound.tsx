import { Text } from '@mantine/core'
import { Link } from 'react-router'
import { Page } from '@/shared/ui/Page'

export function NotFound() {
  return (
    <Page title="Not found">
      <Text>
        There is no page at this address. <Link to="/">To your own page</Link>
      </Text>
    </Page>
  )
}
