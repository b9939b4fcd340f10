"""The decoder: one LSTM layer that scores or writes a sentence about a photo, word by word.

A photo reaches it by three ways: the LSTM's initial cell state (the seed of Show and Tell,
Vinyals et al. 2015), attention over the projected grid after each word (Luong et al. 2015,
eq. 5; Xu et al. 2015), and a multimodal layer before the output (Mao et al. 2015, m-RNN,
eq. 4). With `attention` and `multimodal` off, the seed alone remains: image vector -> dropout ->
dense -> initial cell state.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from captioner.config import DecoderConfig

State = tuple[Tensor, Tensor]


@dataclass
class PhotoFeatures:
    """The decoder's inputs of B photos, in floating point."""

    memory: Tensor  # [B,P,M], each number in -1..1
    seed: Tensor  # [B,H], the initial cell state
    visual: Tensor  # [B,E], unit vectors in sentence space

    def __len__(self) -> int:
        return self.seed.shape[0]

    def __getitem__(self, rows: Tensor | slice) -> PhotoFeatures:
        return PhotoFeatures(self.memory[rows], self.seed[rows], self.visual[rows])

    def where(self, mask: Tensor, other: PhotoFeatures) -> PhotoFeatures:
        """These photos where mask [B] is true, `other` (one photo) elsewhere."""
        row = mask[:, None]
        return replace(
            self,
            memory=torch.where(row[..., None], self.memory, other.memory),
            seed=torch.where(row, self.seed, other.seed),
            visual=torch.where(row, self.visual, other.visual),
        )


class Decoder(nn.Module):
    """Logits of the next word, for every prefix of a sentence and every photo."""

    def __init__(self, config: DecoderConfig, words: int, channels: int, positions: int) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(words, config.embedding)
        self.lstm = nn.LSTM(config.embedding, config.hidden, batch_first=True)
        self.seed = nn.Linear(channels, config.hidden)
        self.memory = nn.Linear(channels, config.memory)
        self.query = nn.Linear(config.hidden, config.memory)
        self.place = nn.Parameter(torch.zeros(positions, config.memory))
        self.from_hidden = nn.Linear(config.hidden, config.hidden)
        self.from_word = nn.Linear(config.embedding, config.hidden, bias=False)
        self.from_context = nn.Linear(config.memory, config.hidden, bias=False)
        self.from_photo = nn.Linear(config.hidden + config.visual, config.hidden, bias=False)
        self.output = nn.Linear(config.hidden, config.embedding)
        self.word_bias = nn.Parameter(torch.zeros(words))
        self.dropout = nn.Dropout(config.dropout)
        self.absent_memory = nn.Parameter(torch.zeros(1, positions, config.memory))
        self.absent_seed = nn.Parameter(torch.zeros(1, config.hidden))
        self.absent_visual = nn.Parameter(torch.zeros(1, config.visual))
        nn.init.normal_(self.embedding.weight, std=config.embedding**-0.5)

    def perceive(self, grid: Tensor, visual: Tensor) -> PhotoFeatures:
        """Grid [B,P,C] and the head's vectors [B,E] -> the decoder's inputs of the photos."""
        grid = self.dropout(grid)
        seed = self.seed(self.dropout(grid.mean(dim=1)))  # [B,H]
        return PhotoFeatures(torch.tanh(self.memory(grid)).float(), seed.float(), visual.float())

    def absent(self) -> PhotoFeatures:
        """The learned inputs that stand for "no photo", a batch of one."""
        return PhotoFeatures(torch.tanh(self.absent_memory), self.absent_seed, self.absent_visual)

    def start(self, features: PhotoFeatures) -> State:
        """LSTM state before the first word: hidden 0, cell = the photo's seed; each [B,H]."""
        return torch.zeros_like(features.seed), features.seed

    def run(self, words: Tensor, features: PhotoFeatures) -> Tensor:
        """The LSTM over word vectors, for B photos: hidden [B,T,H].

        The words are of one sentence for all photos [T,E], or of one for each [B,T,E]. What a
        word of the one adds to the gates is the same for every photo and is computed once
        (Hochreiter and Schmidhuber 1997, with forget gates; torch.nn.LSTM's equations).
        """
        names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
        weight, recurrent, bias, more = (self.lstm.get_parameter(name) for name in names)
        inputs = nn.functional.linear(words, weight, bias + more)  # [T,4H] or [B,T,4H]
        hidden, cell = self.start(features)
        steps = []
        for row in inputs.unbind(dim=-2):
            gates = torch.addmm(row, hidden, recurrent.T)  # [B,4H]
            enter, forget, change, leave = gates.chunk(4, dim=1)
            cell = forget.sigmoid() * cell + enter.sigmoid() * change.tanh()
            hidden = leave.sigmoid() * cell.tanh()
            steps.append(hidden)
        return torch.stack(steps, dim=1)

    def photo_term(self, features: PhotoFeatures) -> Tensor:
        """The photo's share of the multimodal layer, the same at every step: [B,H]."""
        scale = self.config.visual**0.5
        both = torch.cat([torch.tanh(features.seed), features.visual * scale], dim=-1)
        term: Tensor = self.from_photo(both)
        return term if self.config.multimodal else torch.zeros_like(term)

    def attend(self, hidden: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Multi-head attention: hidden [B,T,H], memory [B,P,M] -> context [B,T,M], [B,T,P].

        The second are the attention weights, their mean over the heads.
        """
        batch, steps, _ = hidden.shape
        heads, width = (
            self.config.attention_heads,
            self.config.memory // self.config.attention_heads,
        )
        query = self.query(hidden).view(batch, steps, heads, width).transpose(1, 2)
        keys = (memory + self.place).view(batch, -1, heads, width).transpose(1, 2)  # [B,h,P,w]
        values = memory.view(batch, -1, heads, width).transpose(1, 2)  # [B,h,P,w]
        weights = (query @ keys.transpose(2, 3) / width**0.5).softmax(dim=-1)  # [B,h,T,P]
        context = (weights @ values).transpose(1, 2).reshape(batch, steps, -1)  # [B,T,M]
        return context, weights.mean(dim=1)

    def read(self, words: Tensor, hidden: Tensor, features: PhotoFeatures) -> tuple[Tensor, Tensor]:
        """Word vectors [B,T,E] and hidden [B,T,H] -> output vectors [B,T,E], attention [B,T,P]."""
        fused = self.from_hidden(hidden) + self.from_word(words)  # [B,T,H]
        fused = fused + self.photo_term(features)[:, None]
        if self.config.attention:
            context, weights = self.attend(hidden, features.memory)
            fused = fused + self.from_context(context)
        else:
            weights = features.memory.new_zeros(*hidden.shape[:2], features.memory.shape[1])
        return self.output(self.dropout(torch.tanh(fused))), weights

    def logits(self, outputs: Tensor) -> Tensor:
        """Output vectors [...,E] -> logits [...,V]; the output words are the input words."""
        return nn.functional.linear(outputs, self.embedding.weight, self.word_bias)

    def forward(self, features: PhotoFeatures, tokens: Tensor) -> Tensor:
        """Photos and their sentences' ids [B,T], START first -> logits of what follows [B,T,V]."""
        words = self.dropout(self.embedding(tokens))  # [B,T,E]
        hidden, cell = self.start(features)
        steps, _ = self.lstm(words, (hidden[None], cell[None]))  # [B,T,H]
        outputs, _ = self.read(words, self.dropout(steps), features)
        return self.logits(outputs)
