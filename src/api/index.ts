export { ApiError, apiErrorKinds } from './errors.ts';
export type { ApiErrorCode } from './errors.ts';
