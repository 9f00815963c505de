using System.Collections;

namespace MLNetExtensions.Tensors;

/// <summary>Keys that complete a cell, the best first.</summary>
[TypeFormatterSource(typeof(FormatterSource))]
public sealed class TensorRecommendationCollection : IReadOnlyList<TensorRecommendation>, IDisplayed
{
    private readonly string _modeColumnName;
    private readonly IReadOnlyList<TensorRecommendation> _recommendations;

    internal TensorRecommendationCollection(string modeColumnName, IReadOnlyList<TensorRecommendation> recommendations)
        => (_modeColumnName, _recommendations) = (modeColumnName, recommendations);

    /// <summary>The number of keys.</summary>
    public int Count => _recommendations.Count;

    /// <summary>The key at a position.</summary>
    /// <param name="index">The position, from 0: the best.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such position.</exception>
    public TensorRecommendation this[int index] => _recommendations[index];

    /// <summary>Enumerates the keys.</summary>
    /// <returns>An enumerator.</returns>
    public IEnumerator<TensorRecommendation> GetEnumerator() => _recommendations.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>A table of the keys.</summary>
    /// <returns>Several lines, in invariant culture.</returns>
    public override string ToString() => TextTable.Of([_modeColumnName, "score"], [.. _recommendations.Select(one => (string[])[one.Key, Html.Number(one.Score)])]);

    /// <summary>The keys as a chart of their scores.</summary>
    /// <returns>A fragment of HTML that needs nothing else: a section with its own styles, in invariant culture.</returns>
    public string ToHtml() => Html.Section($"Recommendations of {_modeColumnName}",
        [Html.BarChart($"Score{Html.More(Html.MostRows, Count)}", [.. _recommendations.Take(Html.MostRows).Select(one => (one.Key, (double)one.Score))])]);
}
