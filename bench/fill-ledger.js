export async function fillLedger() {}
