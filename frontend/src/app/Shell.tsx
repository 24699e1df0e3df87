import { Text } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useRef } from 'react'
import { Link, NavLink, Outlet, ScrollRestoration, useLocation } from 'react-router'
import { LogOutButton } from '@/features/auth/LogOutButton'
import { me, ROLES, type Role } from '@/shared/api/me'

const OPERATING = [
  ['/status', 'Status'],
  ['/crossing', 'Crossing'],
  ['/conflicts', 'Conflicts'],
] as const

const LINKS: Record<Role, readonly (readonly [string, string])[]> = {
  customer: [['/documents', 'Your documents']],
  technical_worker: OPERATING,
  senior_management: [['/overview', 'Overview'], ...OPERATING],
}

/** What stands around every page: who one is, where one may go. */
export function Shell() {
  const { data: who } = useQuery(me)
  const main = useFocusOnNewPage()
  return (
    <>
      <a className="skip" href="#main">
        Skip to content
      </a>
      <header className="top">
        <Link to="/" className="brand">
          <img src="/static/lockstep/icon.svg" alt="" width={28} height={28} />
          Lockstep
        </Link>
        {who ? (
          <>
            <nav aria-label="Pages" className="pages">
              {LINKS[who.role].map(([to, name]) => (
                <NavLink key={to} to={to}>
                  {name}
                </NavLink>
              ))}
            </nav>
            <div className="who">
              <Text size="sm" component="span" className="breakable">
                {who.email} · {ROLES[who.role]}
                {who.requested_role ? ' · another role is asked for' : ''}
              </Text>
              <LogOutButton />
            </div>
          </>
        ) : who === null ? (
          <nav aria-label="Account" className="pages">
            <NavLink to="/login">Log in</NavLink>
            <NavLink to="/signup">Sign up</NavLink>
          </nav>
        ) : null}
      </header>
      <main id="main" tabIndex={-1} ref={main}>
        <Outlet />
      </main>
      <ScrollRestoration />
    </>
  )
}

/** A new page is read from its beginning, as a loaded one would be. */
function useFocusOnNewPage() {
  const main = useRef<HTMLElement>(null)
  const { pathname } = useLocation()
  const shown = useRef(pathname)
  useEffect(() => {
    if (shown.current !== pathname) main.current?.focus({ preventScroll: true })
    shown.current = pathname
  }, [pathname])
  return main
}
