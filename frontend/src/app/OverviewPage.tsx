import { Overview } from '@/features/management/Overview'
import { Page } from '@/shared/ui/Page'

export function OverviewPage() {
  return (
    <Page title="Overview">
      <Overview />
    </Page>
  )
}
