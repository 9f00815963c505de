using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace MLNetExtensions.Tensors;

/// <summary>Fills a mode for given keys of all others: the entities of the highest scores.</summary>
internal sealed class TensorRecommender
{
    // Cells of one call of the scorer, which has batches of its own.
    private const int MostCells = 1 << 17;

    private readonly IHost _host;
    private readonly NeuralTensorCompletionTransformer _model;
    private readonly TensorCompletion _completion;
    private readonly int _mode;
    private readonly int _order;

    /// <param name="context">Who asks.</param>
    /// <param name="model">The model, alone or in a chain.</param>
    /// <param name="modeColumnName">The mode to fill; null = the one that <paramref name="given"/> lacks.</param>
    /// <param name="given">The modes that are given; null = all others.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such mode, or the given ones are not all others.</exception>
    /// <exception cref="InvalidOperationException">The model holds no tensor completion, or several.</exception>
    internal TensorRecommender(MLContext context, ITransformer model, string? modeColumnName, IEnumerable<string>? given = null)
    {
        _host = ((IHostEnvironment)context).Register(nameof(TensorRecommender));
        _model = TransformerTree.Find<NeuralTensorCompletionTransformer>(_host, model);
        _model.ThrowIfDisposed();
        _completion = _model.Completion;
        _order = _completion.Modes.Length;
        if (given is not null)
        {
            string[] names = [.. given];
            string[] open = [.. _model.ModeColumnNames.Except(names)];
            Check.Option(_host, open.Length == 1 && names.Length == _order - 1, string.Join(", ", names), $"Must be all mode columns but one: {string.Join(", ", _model.ModeColumnNames)}", "fixedKeys");
            modeColumnName = open[0];
        }
        _mode = _model.ModeOf(modeColumnName!);
    }

    private int Candidates => _completion.Modes[_mode].Count;

    /// <summary>The best entities for one set of keys.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There are no positive number of them asked for.</exception>
    internal TensorRecommendationCollection Recommend(IReadOnlyDictionary<string, string> fixedKeys, int top, IEnumerable<string>? excluded)
    {
        CheckTop(top);
        var query = new int[_order];
        foreach (var (mode, name) in _model.ModeColumnNames.Index())
        {
            query[mode] = mode == _mode ? 0 : _completion.Modes[mode].IndexOf(fixedKeys[name] ?? "");
        }
        HashSet<int> without = [.. (excluded ?? []).Select(_completion.Modes[_mode].IndexOf)];
        return new(_model.ModeColumnNames[_mode], [.. Best([query], top, _ => without)[0].Select(found => new TensorRecommendation(_completion.Modes[_mode].Names[found.Entity], found.Score))]);
    }

    /// <summary>The best entities for each row.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or has another type, or there are no positive number of them asked for.</exception>
    internal ResultTable Recommend(IDataView fixedKeys, int top, IDataView? excluded)
    {
        CheckTop(top);
        var queries = Read(fixedKeys, [.. _model.Inputs.Where((_, mode) => mode != _mode)]);
        var without = new Dictionary<string, HashSet<int>>();
        if (excluded is not null)
        {
            foreach (var query in queries)
            {
                without.TryAdd(NameOf(query), []);
            }
            foreach (var cell in Read(excluded, _model.Inputs))
            {
                if (without.TryGetValue(NameOf(cell), out var entities))
                {
                    entities.Add(cell[_mode]);
                }
            }
        }
        var found = Best(queries, top, query => without.GetValueOrDefault(NameOf(query)));
        return Result(queries, found);
    }

    private void CheckTop(int top) => Check.Option(_host, top > 0, top, "Must be positive");

    /// <summary>The keys that a cell has in the other modes, as one text.</summary>
    private string NameOf(int[] cell) => string.Join(' ', cell.Where((_, mode) => mode != _mode));

    /// <summary>Reads the entities of rows; that of a mode that is not read is 0.</summary>
    private List<int[]> Read(IDataView data, IReadOnlyList<InputColumn> columns)
    {
        foreach (var column in columns)
        {
            _completion.Modes[_model.ModeOf(column.Name)].Check(_host, column, data.Schema);
        }
        var buffers = DataReader.Read(_host, data, default, columns);
        var rows = new List<int[]>();
        for (var row = 0; row < ((RowBuffer<int>)buffers[0]).Count; row++)
        {
            var cell = new int[_order];
            foreach (var (column, buffer) in columns.Zip(buffers))
            {
                cell[_model.ModeOf(column.Name)] = ((RowBuffer<int>)buffer).Values[row];
            }
            rows.Add(cell);
        }
        return rows;
    }

    /// <summary>The best entities for each query, the best first; none where they have no score.</summary>
    private List<(int Entity, float Score)>[] Best(IReadOnlyList<int[]> queries, int top, Func<int[], HashSet<int>?> excluded)
    {
        var result = new List<(int, float)>[queries.Count];
        var step = Math.Max(1, MostCells / Candidates);
        for (var start = 0; start < queries.Count; start += step)
        {
            Check.Alive(_host);
            var count = Math.Min(step, queries.Count - start);
            var index = new int[count * Candidates * _order];
            for (var i = 0; i < count * Candidates; i++)
            {
                queries[start + i / Candidates].CopyTo(index, i * _order);
                index[i * _order + _mode] = i % Candidates;
            }
            var scores = new float[count * Candidates];
            _completion.Score(index, scores, _model.UnseenKeys);
            for (var i = 0; i < count; i++)
            {
                result[start + i] = Best(scores.AsSpan(i * Candidates, Candidates), top, excluded(queries[start + i]));
            }
        }
        return result;
    }

    private static List<(int Entity, float Score)> Best(ReadOnlySpan<float> scores, int top, HashSet<int>? excluded)
    {
        // The worst of the best is the first to go; of equal ones the later.
        var best = new PriorityQueue<int, (float Score, int Entity)>();
        for (var entity = 0; entity < scores.Length; entity++)
        {
            if (!float.IsNaN(scores[entity]) && excluded?.Contains(entity) != true)
            {
                best.Enqueue(entity, (scores[entity], -entity));
                if (best.Count > top)
                {
                    best.Dequeue();
                }
            }
        }
        var result = new List<(int, float)>(best.Count);
        while (best.TryDequeue(out var entity, out var priority))
        {
            result.Add((entity, priority.Score));
        }
        result.Reverse();
        return result;
    }

    private ResultTable Result(List<int[]> queries, List<(int Entity, float Score)>[] found)
    {
        var table = new Table(_host, $"Recommendations of {_model.ModeColumnNames[_mode]}")
            .Add("Row", NumberDataViewType.Int64, [.. found.SelectMany((best, query) => best.Select(_ => (long)query))]);
        foreach (var (mode, name) in _model.ModeColumnNames.Index())
        {
            var names = _completion.Modes[mode].Names;
            table.Add(name, [.. found.SelectMany((best, query) => best.Select(one => mode == _mode ? names[one.Entity] : queries[query][mode] is >= 0 and var entity ? names[entity] : ""))]);
        }
        return table
            .Add("Rank", NumberDataViewType.Int32, [.. found.SelectMany(best => best.Select((_, rank) => rank + 1))])
            .Add(ScoreColumns.Score, NumberDataViewType.Single, [.. found.SelectMany(best => best.Select(one => one.Score))])
            .Build();
    }
}
