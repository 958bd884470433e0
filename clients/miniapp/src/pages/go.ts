// Where pages lead. An address holds an id at most; nothing personal is ever part of one.

const to = (page: string, query = ''): void => {
  uni.navigateTo({ url: `/pages/${page}/${page}${query}` })
}

/** Pages of the bar at the bottom. */
const toTab = (page: string): void => {
  uni.switchTab({ url: `/pages/${page}/${page}` })
}

export const toHome = (): void => toTab('index')
export const toWaiting = (): void => toTab('waiting')
export const toHousehold = (id: string): void => to('household', `?id=${id}`)
export const toVisit = (id: string): void => to('visit', `?id=${id}`)
export const toCorrection = (clientId: string): void => to('visit', `?correct=${clientId}`)
export const toPrivacy = (): void => to('privacy')
export const toAbout = (): void => to('about')
export const toFeedback = (): void => to('feedback')
/** In place of everything: there is nothing to go back to. */
export const toSignIn = (): void => {
  uni.reLaunch({ url: '/pages/sign-in/sign-in' })
}

/** To the page before; home, when this page was opened by itself. */
export function back(): void {
  if (getCurrentPages().length > 1) uni.navigateBack()
  else toHome()
}
