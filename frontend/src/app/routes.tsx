import { createBrowserRouter, type RouteObject } from 'react-router'
import type { Role } from '@/shared/api/me'
import { LogInPage } from '@/features/auth/LogInPage'
import { SignUpPage } from '@/features/auth/SignUpPage'
import { ConflictPage } from '@/features/conflicts/ConflictPage'
import { ConflictsPage } from '@/features/conflicts/ConflictsPage'
import { ChooserPage } from '@/features/crossing/ChooserPage'
import { CrossingPage } from '@/features/crossing/CrossingPage'
import { StatusPage } from '@/features/status/StatusPage'
import { Landing } from './Landing'
import { NotFound } from './NotFound'
import { DocumentsPage } from './DocumentsPage'
import { OverviewPage } from './OverviewPage'
import { Failed } from './Failed'
import { ForRoles } from './ForRoles'
import { Shell } from './Shell'

const OPERATORS: readonly Role[] = ['technical_worker', 'senior_management']

function only(roles: readonly Role[], children: RouteObject[]): RouteObject {
  return { element: <ForRoles roles={roles} />, children }
}

export const router = createBrowserRouter(
  [
    {
      element: <Shell />,
      errorElement: <Failed />,
      children: [
        { index: true, element: <Landing /> },
        { path: 'login', element: <LogInPage /> },
        { path: 'signup', element: <SignUpPage /> },
        only(['customer'], [{ path: 'documents', element: <DocumentsPage /> }]),
        only(['senior_management'], [{ path: 'overview', element: <OverviewPage /> }]),
        only(OPERATORS, [
          { path: 'status', element: <StatusPage /> },
          { path: 'crossing', element: <ChooserPage /> },
          { path: 'crossing/:id', element: <CrossingPage /> },
          { path: 'conflicts', element: <ConflictsPage /> },
          { path: 'conflicts/:id', element: <ConflictPage /> },
        ]),
        { path: '*', element: <NotFound /> },
      ],
    },
  ],
  { basename: '/app' },
)
