// Package mercadolivre will bring questions and after-sale messages of the marketplace Mercado Livre into the queues
// and the answers back.
//
// Nothing is here yet. It will never poll where the marketplace notifies.
package mercadolivre
