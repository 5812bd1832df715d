"""A small neural codec: frames to a latent, residual vector quantisation, frame-level decoder.

The quantiser follows SoundStream (Zeghidour et al. 2021): each codebook quantises what the ones before left, gradients
pass straight through, and a random number of codebooks is used in training, so that one model serves several bitrates.
"""

from __future__ import annotations

import torch
from blocks import Trunk
from frame_gan import Head
from spectra import Setting, Spectra, scaled
from torch import Tensor, nn

LATENT = 48
WORDS = 256


class Codec(nn.Module):
    """Wave to wave of the same whole number of hops; `books` codebooks of 8 bits a frame."""

    kind = "codec"

    def __init__(self, setting: Setting, books: int = 8, width: int = 160) -> None:
        super().__init__()
        self.spectra = Spectra(setting)
        self.encoder = Trunk(3 * setting.bins, LATENT, width, 3)
        self.words = nn.Parameter(torch.randn(books, WORDS, LATENT) * 0.5 ** torch.arange(books)[:, None, None])
        self.decoder = Head(LATENT, setting, width, 4)

    def quantised(self, latent: Tensor, books: int) -> tuple[Tensor, Tensor]:
        """The latent in words, and the loss that draws words and latents together."""
        rest, total, loss = latent, torch.zeros_like(latent), latent.new_zeros(())
        for book in self.words[:books]:
            far = rest.detach().square().sum(-1, keepdim=True) - 2 * rest.detach() @ book.T + book.square().sum(-1)
            word = book[far.argmin(-1)]
            loss = loss + (word - rest.detach()).square().mean() + 0.25 * (word.detach() - rest).square().mean()
            if self.training:  # words that nothing chose move to where latents are
                self._revive(book, rest, far)
            total, rest = total + word, rest - word
        return latent + (total - latent).detach(), loss

    @torch.no_grad()
    def _revive(self, book: Tensor, rest: Tensor, far: Tensor) -> None:
        used = torch.bincount(far.argmin(-1).flatten(), minlength=WORDS) > 0
        dead = torch.nonzero(~used)[:, 0]
        moved = dead[torch.rand(len(dead)) < 0.02]
        held = rest.flatten(0, 1)
        book.data[moved] = held[torch.randint(len(held), (len(moved),))]

    def copy_and_loss(self, wave: Tensor, books: int) -> tuple[Tensor, Tensor]:
        spectrum = self.spectra.complex(wave)
        size = spectrum.abs().clamp_min(1e-6)
        turned = torch.view_as_real(spectrum / size).flatten(-2)
        latent = self.encoder(torch.cat([scaled(size), turned], -1))
        words, loss = self.quantised(latent, books)
        return self.decoder(words, None), loss

    def copy(self, wave: Tensor, books: int = 8) -> Tensor:
        return self.copy_and_loss(wave, books)[0]
