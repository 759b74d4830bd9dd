import pytest
import torch
from torch import nn

from vasa_core.motion.attention import attend, attend_to_one


@pytest.fixture
def attention():
    torch.manual_seed(0)
    made = nn.MultiheadAttention(16, 4)
    for value in made.parameters():
        nn.init.normal_(value, std=0.3)
    return made


def tokens(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


@pytest.mark.parametrize("train", [False, True])
def test_tokens_come_batch_first(attention, train):
    reference = nn.MultiheadAttention(16, 4, batch_first=True).train(train)
    reference.load_state_dict(attention.state_dict())
    query, key, value = tokens(3, 5, 16), tokens(3, 7, 16), tokens(3, 7, 16) + 1
    made = attend(attention.train(train), query, key, value)
    assert torch.allclose(made, reference(query, key, value)[0], atol=1e-5)
    assert torch.allclose(
        attend(attention, query, query, query), reference(query, query, query)[0], atol=1e-5
    )


def test_with_one_value_each_query_and_key_do_not_matter(attention):
    value, any_query, any_key = tokens(2, 6, 16), tokens(12, 1, 16), tokens(12, 1, 16) - 1
    expected = attend(attention, any_query, any_key, value.view(12, 1, 16)).view(2, 6, 16)
    assert torch.allclose(attend_to_one(attention, value), expected, atol=1e-5)


def test_gradients_reach_all_that_takes_part(attention):
    attend(attention, tokens(2, 3, 16), tokens(2, 4, 16), tokens(2, 4, 16)).sum().backward()
    assert all(value.grad.abs().sum() > 0 for value in attention.parameters())
