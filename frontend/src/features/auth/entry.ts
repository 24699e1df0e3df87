/** Where to go once one is logged in: the page one came for, if it is one of ours. */
export function nextPage(search: string): string {
  const next = new URLSearchParams(search).get('next') ?? '/'
  return next.startsWith('/') && !next.startsWith('//') ? next : '/'
}
