"""The decoder and the head's sentence side as ONNX graphs; see captioner/decoder.py.

N photos, or hypotheses of them; R is 1 where all of them read the same words, else N.
"""

from __future__ import annotations

import numpy as np

from captioner.captioner import Floats
from captioner.config import WORD_SCALE, CaptionerConfig, DecoderConfig
from captioner.onnx_graph import Graph, Model, Value
from captioner.onnx_layers import Arrays, gelu, linear, single, times_transposed, unit, weight
from captioner.vocabulary import END, UNKNOWN


def step_model(config: CaptionerConfig, arrays: Arrays) -> Model:
    """One step of the LSTM: words int64 [R], hidden and cell [N,H] -> hidden and cell [N,H].

    What a word adds to the gates is computed once where all photos read the same.
    """
    graph = Graph()
    words, before, cell = _step_inputs(graph, config.decoder)
    vectors = _vectors(graph, arrays, words)
    hidden, cell = _step(graph, arrays, _added(graph, arrays, vectors), before, cell)
    graph.output(hidden, "hidden", "float32", "N", config.decoder.hidden)
    graph.output(cell, "cell", "float32", "N", config.decoder.hidden)
    return graph.model()


def sentence_run_model(config: CaptionerConfig, arrays: Arrays) -> Model:
    """The LSTM over one sentence, words int64 [T], from seeds [N,H]: hidden states [N,T,H]."""
    graph = Graph()
    words = graph.input("words", "int64", "T")
    seed = graph.input("seed", "float32", "N", config.decoder.hidden)
    hidden = _sentence_run(graph, arrays, config.decoder, words, seed)
    graph.output(hidden, "hidden", "float32", "N", "T", config.decoder.hidden)
    return graph.model()


def scoring_model(config: CaptionerConfig, arrays: Arrays) -> Model:
    """One sentence on N photos: words and those that followed, int64 [T] -> log-likelihoods [N,T].

    The photos' memory [N,P,M], seed [N,H] and visual [N,E].
    """
    graph, sizes = Graph(), config.decoder
    words, targets = (graph.input(name, "int64", "T") for name in ("words", "targets"))
    memory = graph.input("memory", "float32", "N", "P", sizes.memory)
    seed = graph.input("seed", "float32", "N", sizes.hidden)
    visual = graph.input("visual", "float32", "N", sizes.visual)
    hidden = _sentence_run(graph, arrays, sizes, words, seed)
    term = photo_term(graph, arrays, sizes, seed, visual)
    said = _said(graph, arrays, graph.node("Unsqueeze", words, graph.ints(0)))
    places = _by_heads(graph, sizes, memory)
    logits = _logits(graph, arrays, sizes, said, hidden, (places, term))
    followed = graph.node("Unsqueeze", targets, graph.ints(0))
    graph.output(_chosen(graph, logits, followed), "likely", "float32", "N", "T")
    return graph.model()


def reading_model(config: CaptionerConfig, arrays: Arrays, *, all_words: bool) -> Model:
    """Words int64 [R,T] and the hidden states after them [N,T,H] -> log-likelihoods.

    Either of `targets` int64 [R,T], which is [N,T]; or of `all_words`, which is [N,T,V].
    """
    graph = Graph()
    words = graph.input("words", "int64", "R", "T")
    hidden = graph.input("hidden", "float32", "N", "T", config.decoder.hidden)
    photos = _photo_inputs(graph, config.decoder)
    said = _said(graph, arrays, words)
    logits = _logits(graph, arrays, config.decoder, said, hidden, photos)
    if all_words:
        likely = graph.node("LogSoftmax", logits, axis=-1)
        graph.output(likely, "likely", "float32", "N", "T", len(arrays["decoder.word_bias"]))
        return graph.model()
    targets = graph.input("targets", "int64", "R", "T")
    graph.output(_chosen(graph, logits, targets), "likely", "float32", "N", "T")
    return graph.model()


def photo_model(config: CaptionerConfig, arrays: Arrays) -> Model:
    """A photo's share of the multimodal layer, the same at every step.

    Seed [N,H] and visual [N,E] -> term [N,H].
    """
    graph, sizes = Graph(), config.decoder
    seed = graph.input("seed", "float32", "N", sizes.hidden)
    visual = graph.input("visual", "float32", "N", sizes.visual)
    term = photo_term(graph, arrays, sizes, seed, visual)
    graph.output(term, "term", "float32", "N", sizes.hidden)
    return graph.model()


def photo_term(
    graph: Graph, arrays: Arrays, sizes: DecoderConfig, seed: Value, visual: Value
) -> Value:
    """Seed [N,H] and visual [N,E] -> their share of the multimodal layer [N,H]."""
    scaled = graph.node("Mul", visual, graph.scalar(sizes.visual**0.5))
    both = graph.node("Concat", graph.node("Tanh", seed), scaled, axis=-1)
    return linear(graph, arrays, "decoder.from_photo", both)


def beam_model(config: CaptionerConfig, arrays: Arrays, width: int) -> Model:
    """One step of a beam search: the likeliest words after each of N hypotheses.

    Distinct words int64 [R], which of them is each one's last [N], hidden and cell [N,H], the words
    that may not follow int64 [N,F], the photos' places [N,h,P,w] (their memory by attention heads)
    and term [N,H] -> log-likelihoods and ids [N,width], END's [N], hidden and cell [N,H].
    """
    graph, sizes = Graph(), config.decoder
    words, before, cell = _step_inputs(graph, sizes)
    which = graph.input("which", "int64", "N")
    forbidden = graph.input("forbidden", "int64", "N", "F")
    heads = sizes.attention_heads
    places = graph.input("places", "float32", "N", heads, "P", sizes.memory // heads)
    term = graph.input("term", "float32", "N", sizes.hidden)
    vectors = _vectors(graph, arrays, words)
    added = graph.node("Gather", _added(graph, arrays, vectors), which)
    hidden, cell = _step(graph, arrays, added, before, cell)
    one = graph.ints(1)
    steps = graph.node("Unsqueeze", hidden, one)  # [N,1,H]
    said = graph.node("Gather", linear(graph, arrays, "decoder.from_word", vectors), which)
    said = graph.node("Unsqueeze", said, one)
    logits = _logits(graph, arrays, sizes, said, steps, (places, term))
    likely = graph.node("LogSoftmax", graph.node("Squeeze", logits, one), axis=-1)  # [N,V]
    ending = graph.node("Gather", likely, graph.constant(np.array(END, np.int64)), axis=1)
    graph.output(ending, "ending", "float32", "N")
    never = graph.node("Expand", graph.scalar(-np.inf), graph.node("Shape", forbidden))
    allowed = graph.node("ScatterElements", likely, forbidden, never, axis=1)
    scores, ids = graph.nodes("TopK", allowed, graph.ints(width), outputs=2, axis=-1)
    graph.output(scores, "scores", "float32", "N", width)
    graph.output(ids, "ids", "int64", "N", width)
    graph.output(hidden, "hidden", "float32", "N", sizes.hidden)
    graph.output(cell, "cell", "float32", "N", sizes.hidden)
    return graph.model()


def sentence_model(config: CaptionerConfig, arrays: Arrays) -> Model:
    """The head's sentence side: embeddings [N,E], word ids int64 [N,T] -> unit vectors [N,E]."""
    graph, width = Graph(), config.head.dimension
    sentences = graph.input("embeddings", "float32", "N", width)
    words = graph.input("words", "int64", "N", "T")
    wide = gelu(graph, linear(graph, arrays, "head.widen", sentences))
    change = linear(graph, arrays, "head.narrow", wide)
    known = graph.node(
        "Cast", graph.node("Greater", words, graph.constant(np.array(UNKNOWN, np.int64))), to=1
    )
    vectors = graph.node("Gather", weight(graph, arrays, "head.embedding.weight"), words)
    masked = graph.node("Mul", vectors, graph.node("Unsqueeze", known, graph.ints(2)))
    total = graph.node("ReduceSum", masked, graph.ints(1), keepdims=0)  # [N,W]
    count = graph.node("ReduceSum", known, graph.ints(1), keepdims=1)
    root = graph.node("Sqrt", graph.node("Max", count, graph.scalar(1)))
    tempered = graph.node("Mul", graph.node("Div", total, root), graph.scalar(WORD_SCALE))
    more = linear(graph, arrays, "head.from_words", tempered)
    moved = graph.node("Add", graph.node("Add", sentences, change), more)
    graph.output(unit(graph, moved), "vectors", "float32", "N", width)
    return graph.model()


def _step_inputs(graph: Graph, sizes: DecoderConfig) -> tuple[Value, Value, Value]:
    return (
        graph.input("words", "int64", "R"),
        graph.input("before", "float32", "N", sizes.hidden),
        graph.input("cell_before", "float32", "N", sizes.hidden),
    )


def _added(graph: Graph, arrays: Arrays, vectors: Value) -> Value:
    """What words [R,E] add to the LSTM's gates [R,4H], both biases with it."""
    matrix, *biases = (
        single(arrays, f"decoder.lstm.{name}_l0") for name in ("weight_ih", "bias_ih", "bias_hh")
    )
    inputs = graph.node("MatMul", vectors, graph.constant(matrix.T))
    return graph.node("Add", inputs, graph.constant(biases[0] + biases[1]))


def _step(
    graph: Graph, arrays: Arrays, added: Value, hidden: Value, cell: Value
) -> tuple[Value, Value]:
    """The equations of torch.nn.LSTM (Hochreiter and Schmidhuber 1997, with forget gates)."""
    matrix = single(arrays, "decoder.lstm.weight_hh_l0").T
    recurrent = graph.node("MatMul", hidden, graph.constant(matrix))
    gates = graph.node("Add", recurrent, added)  # [N,4H]
    enter, forget, change, leave = graph.nodes("Split", gates, outputs=4, axis=1, num_outputs=4)
    kept = graph.node("Mul", graph.node("Sigmoid", forget), cell)
    fresh = graph.node("Mul", graph.node("Sigmoid", enter), graph.node("Tanh", change))
    cell = graph.node("Add", kept, fresh)
    hidden = graph.node("Mul", graph.node("Sigmoid", leave), graph.node("Tanh", cell))
    return hidden, cell


def _sentence_run(
    graph: Graph, arrays: Arrays, sizes: DecoderConfig, words: Value, seed: Value
) -> Value:
    """The same steps as one operator, words int64 [T] for all of N seeds [N,H]: [N,T,H].

    The operator wants inputs of its own for each photo: they are the places of the words, one-hot,
    so that what a word adds to the gates is computed once.
    """
    parts = {name: _gates_of_onnx(single(arrays, f"decoder.lstm.{name}_l0")) for name in _LSTM}
    vectors = _vectors(graph, arrays, words)
    added = times_transposed(graph, graph.constant(parts["weight_ih"]), vectors)  # [4H,T]
    steps, count = graph.node("Shape", words), graph.node("Shape", seed, start=0, end=1)
    square = graph.node("ConstantOfShape", graph.node("Concat", steps, steps, axis=0))
    places = graph.node("Unsqueeze", graph.node("EyeLike", square), graph.ints(1))  # [T,1,T]
    shape = graph.node("Concat", steps, count, steps, axis=0)
    bias = np.concatenate([parts["bias_ih"], parts["bias_hh"]])
    [hidden] = graph.nodes(
        "LSTM",
        graph.node("Expand", places, shape),
        graph.node("Unsqueeze", added, graph.ints(0)),
        graph.constant(parts["weight_hh"][None]),
        graph.constant(bias[None]),
        "",
        "",
        graph.node("Unsqueeze", seed, graph.ints(0)),
        outputs=1,
        hidden_size=sizes.hidden,
    )  # [T,1,N,H]
    return graph.node("Transpose", graph.node("Squeeze", hidden, graph.ints(1)), perm=[1, 0, 2])


def _gates_of_onnx(gates: Floats) -> Floats:
    """Gates [4H,...] in ONNX's order, from torch's."""
    enter, forget, change, leave = np.split(gates, 4)
    return np.concatenate([enter, leave, forget, change])


_LSTM = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def _photo_inputs(graph: Graph, sizes: DecoderConfig) -> tuple[Value, Value]:
    """Of N photos: memory [N,P,M], made places, and what `photo_model` makes of them [N,H]."""
    memory = graph.input("memory", "float32", "N", "P", sizes.memory)
    return _by_heads(graph, sizes, memory), graph.input("term", "float32", "N", sizes.hidden)


def _vectors(graph: Graph, arrays: Arrays, words: Value) -> Value:
    """Words int64 [...] -> their embeddings [...,E]."""
    return graph.node("Gather", weight(graph, arrays, "decoder.embedding.weight"), words)


def _said(graph: Graph, arrays: Arrays, words: Value) -> Value:
    """Words int64 [...] -> their share of the multimodal layer [...,H]."""
    return linear(graph, arrays, "decoder.from_word", _vectors(graph, arrays, words))


def _logits(
    graph: Graph,
    arrays: Arrays,
    sizes: DecoderConfig,
    said: Value,
    hidden: Value,
    photos: tuple[Value, Value],
) -> Value:
    """Shares of words [R,T,H] and hidden states [N,T,H] -> logits of what follows [N,T,V].

    Of photos their places [N,h,P,w] and term [N,H].
    """
    places, term = photos
    fused = graph.node("Add", linear(graph, arrays, "decoder.from_hidden", hidden), said)
    if sizes.multimodal:
        fused = graph.node("Add", fused, graph.node("Unsqueeze", term, graph.ints(1)))
    if sizes.attention:
        context = _attend(graph, arrays, sizes, hidden, places)
        fused = graph.node("Add", fused, linear(graph, arrays, "decoder.from_context", context))
    outputs = linear(graph, arrays, "decoder.output", graph.node("Tanh", fused))  # [N,T,E]
    logits = times_transposed(graph, outputs, weight(graph, arrays, "decoder.embedding.weight"))
    return graph.node("Add", logits, weight(graph, arrays, "decoder.word_bias"))


def _chosen(graph: Graph, logits: Value, targets: Value) -> Value:
    """Logits [N,T,V] and the words that followed, int64 [R,T] -> their log-likelihoods [N,T]."""
    likely = graph.node("LogSoftmax", logits, axis=-1)
    shape = graph.node("Shape", logits, start=0, end=2)
    each = graph.node("Unsqueeze", graph.node("Expand", targets, shape), graph.ints(2))
    chosen = graph.node("GatherElements", likely, each, axis=2)
    return graph.node("Squeeze", chosen, graph.ints(2))


def _attend(
    graph: Graph, arrays: Arrays, sizes: DecoderConfig, hidden: Value, places: Value
) -> Value:
    """Multi-head attention: hidden [N,T,H], places [N,h,P,w] -> context [N,T,M]."""
    query = linear(graph, arrays, "decoder.query", hidden)
    scaled = graph.node("Mul", query, graph.scalar((sizes.memory // sizes.attention_heads) ** -0.5))
    asked = _by_heads(graph, sizes, scaled)  # [N,h,T,w]
    # Keys are the places and where they lie, which is the same for all photos: no sum of both.
    where = single(arrays, "decoder.place")
    where = where.reshape(len(where), sizes.attention_heads, -1).transpose(1, 0, 2)  # [h,P,w]
    scores = graph.node(
        "Add",
        times_transposed(graph, asked, places),
        times_transposed(graph, asked, graph.constant(where)),
    )
    shares = graph.node("Softmax", scores, axis=-1)  # [N,h,T,P]
    context = graph.node("MatMul", shares, places)
    together = graph.node("Transpose", context, perm=[0, 2, 1, 3])
    return graph.node("Reshape", together, graph.ints(0, 0, sizes.memory))


def _by_heads(graph: Graph, sizes: DecoderConfig, x: Value) -> Value:
    """x [N,P,M] -> [N,h,P,w], by attention heads of width w."""
    apart = graph.node("Reshape", x, graph.ints(0, 0, sizes.attention_heads, -1))
    return graph.node("Transpose", apart, perm=[0, 2, 1, 3])
