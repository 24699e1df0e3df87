import { client } from '@/shared/api/client'
import { asProblem } from '@/shared/api/problem'
import type { Role } from '@/shared/api/me'

// django-allauth's headless API for browsers: https://docs.allauth.org/en/latest/headless/openapi-specification/
const ROOT = '/_allauth/browser/v1'

export async function logIn(body: { email: string; password: string }): Promise<void> {
  await client.post({ url: `${ROOT}/auth/login`, body, throwOnError: true, ...JSON_BODY })
}

export interface SignUp {
  email: string
  password: string
  requested_role: Role
}

export async function signUp(body: SignUp): Promise<void> {
  await client.post({ url: `${ROOT}/auth/signup`, body, throwOnError: true, ...JSON_BODY })
}

/** It answers 401 when it is done: then nobody is logged in. */
export async function logOut(): Promise<void> {
  try {
    await client.delete({ url: `${ROOT}/auth/session`, throwOnError: true })
  } catch (error) {
    if (asProblem(error).status !== 401) throw error
  }
}

export interface Address {
  email: string
  verified: boolean
  primary: boolean
}

export async function addresses(): Promise<Address[]> {
  const answer = await client.get<{ 200: { data: Address[] } }, unknown, true>({
    url: `${ROOT}/account/email`,
    throwOnError: true,
  })
  return answer.data.data
}

export async function sendVerification(email: string): Promise<void> {
  await client.put({ url: `${ROOT}/account/email`, body: { email }, throwOnError: true, ...JSON_BODY })
}

const JSON_BODY = { headers: { 'Content-Type': 'application/json' } }
