// The menu of the user's account.
import { Menu } from '@base-ui/react/menu'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { api, dataOf } from '../api/client'
import { useMessages } from '../i18n/messages'
import type { Opened } from '../ui/MenuButton'
import { MENU_ITEM, OpenedMenu } from '../ui/OpenedMenu'
import { announceSession } from '../util/session-channel'

export function AccountMenu({ opened, name, isAdmin }: { opened: Opened; name: string; isAdmin: boolean }) {
  const m = useMessages()
  const queries = useQueryClient()
  const navigate = useNavigate()
  const signOut = useMutation({
    mutationFn: () => dataOf(api.DELETE('/api/v1/session')),
    onSuccess: async () => {
      await navigate({ to: '/problems' })
      // Data of the account must not stay on the screen, even if the user was on that page already.
      await queries.resetQueries()
      announceSession()
    },
  })
  return (
    <OpenedMenu opened={opened}>
      <div className="px-3 py-2 text-sm text-muted max-w-60 truncate">{name}</div>
      <Menu.Item className={MENU_ITEM} onClick={() => void navigate({ to: '/account' })}>
        {m.menu.account}
      </Menu.Item>
      <Menu.Item className={MENU_ITEM} onClick={() => void navigate({ to: '/account', search: { view: 'submissions' } })}>
        {m.submissions.title}
      </Menu.Item>
      {isAdmin && (
        <Menu.Item className={MENU_ITEM} onClick={() => void navigate({ to: '/admin' })}>
          {m.menu.admin}
        </Menu.Item>
      )}
      <Menu.Item className={MENU_ITEM} onClick={() => signOut.mutate()}>
        {m.menu.signOut}
      </Menu.Item>
    </OpenedMenu>
  )
}
