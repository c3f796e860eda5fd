// The page of a list of the account page. It is in the URL, so that Back from an entry leads to the same page of the list.
import { account } from '../routes'
import { accountSearch } from '../util/search'

export function useAccountPage(): [number, (page: number) => void] {
  const navigate = account.useNavigate()
  const { page = 1 } = accountSearch(account.useSearch())
  return [page, (to) => void navigate({ search: ({ view }) => accountSearch({ view, page: to }), resetScroll: false })]
}
