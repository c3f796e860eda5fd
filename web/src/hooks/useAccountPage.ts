// The page of a list of the account page. It is in the URL, so that Back from an entry leads to the same page of the list.
import { account } from '../routes'
import { accountSearch } from '../util/search'

/** `replace`: whether the page takes the place of the shown one in the history. */
export function useAccountPage(): [number, (page: number, replace?: boolean) => void] {
  const navigate = account.useNavigate()
  const { page = 1 } = accountSearch(account.useSearch())
  return [page, (to, replace = false) => void navigate({ search: ({ view }) => accountSearch({ view, page: to }), replace, resetScroll: false })]
}
