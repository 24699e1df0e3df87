import { UnverifiedNotice } from '@/features/auth/UnverifiedNotice'
import { Documents } from '@/features/documents/Documents'
import { Page } from '@/shared/ui/Page'

export function DocumentsPage() {
  return (
    <Page title="Your documents" lead="What is held about you, as it stands now.">
      <UnverifiedNotice />
      <Documents />
    </Page>
  )
}
