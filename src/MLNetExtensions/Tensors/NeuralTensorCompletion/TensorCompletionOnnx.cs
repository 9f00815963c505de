using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetExtensions.Onnx;
using MLNetExtensions.Torch;

namespace MLNetExtensions.Tensors;

/// <summary>The graph of a completed tensor: tables with a row more than entities, the first for those that are missing or unknown.</summary>
internal static class TensorCompletionOnnx
{
    internal static void Write(OnnxScoring onnx, NeuralTensorCompletionTransformer transformer)
    {
        var graph = onnx.Graph;
        var completion = transformer.Completion;
        var model = completion.Model;
        var shape = model.Shape;
        var weights = model.Parameters.ToDictionary();
        string[] places = [.. completion.Modes.Select((mode, i) => WritePlace(onnx, i, mode))];
        string[] rows = [.. model.Embeddings.Zip(model.MeanEmbeddings(), (table, mean) => (Table: table.ToFloats(), Mean: mean.ToFloats()))
            .Zip(places, (mode, place) => graph.Gather(graph.Weights([.. mode.Mean, .. mode.Table], mode.Table.Length / mode.Mean.Length + 1, mode.Mean.Length), place, 0))];

        string Linear(string x, string name, int outputs) => graph.Linear(x, weights[name + ".weight"].ToFloats(), weights[name + ".bias"].ToFloats(), outputs);
        string Hidden(string x, string name, int outputs) => graph.Relu(Linear(x, name, outputs));

        var z = shape.Model switch
        {
            TensorCompletionModel.Mlp => Linear(shape.HiddenLayers.Index().Aggregate(graph.Concat(1, rows), (h, layer) => Hidden(h, $"fc{layer.Index}", layer.Item)), "out", 1),
            TensorCompletionModel.Cp => graph.ReduceSum(rows.Aggregate(graph.Multiply), 1),
            TensorCompletionModel.Tucker => Contract(graph, rows, weights["core"].ToFloats(), shape.Ranks),
            _ => Linear(Hidden(Hidden(graph.Reshape(Hidden(graph.Concat(2, [.. rows.Select(row => graph.Unsqueeze(row, 2))]), "modes", shape.Channels), 0, (long)shape.EmbeddingSize * shape.Channels), "ranks", shape.Channels), "hidden", shape.Channels), "out", 1),
        };
        if (shape.UseBias)
        {
            foreach (var (mode, bias) in model.Biases.Index())
            {
                z = graph.Add(z, graph.Gather(graph.Constant<float>([0, .. bias.ToFloats()], shape.Entities[mode] + 1, 1), places[mode], 0));
            }
            z = graph.Add(z, graph.Constant(weights["offset"].ToFloats(), 1));
        }
        if (shape.NonNegativeOutput)
        {
            z = graph.Relu(z);
        }
        var scaler = completion.Scaler;
        var restored = graph.Add(graph.Multiply(graph.Cast(z, OnnxType.Double), graph.Scalar(scaler.Deviations[0])), graph.Scalar(scaler.Means[0]));
        var score = graph.Cast(graph.Node("Clip", [restored, graph.Scalar((double)-float.MaxValue), graph.Scalar((double)float.MaxValue)]), OnnxType.Single);
        if (transformer.UnseenKeys == UnseenKeys.NaN)
        {
            var unseen = graph.Unsqueeze(places.Select(place => graph.Node("Equal", [place, graph.Scalar(0L)])).Aggregate((a, b) => graph.Node("Or", [a, b])), 1);
            score = graph.Where(unseen, graph.Scalar(float.NaN), score);
        }
        onnx.Output(ScoreColumns.Score, score);
    }

    /// <summary>The row in the table of each entity, Int64 [rows]; 0 = missing or unknown.</summary>
    private static string WritePlace(OnnxScoring onnx, int input, ModeEntities mode)
    {
        var graph = onnx.Graph;
        var column = onnx.Column(input);
        var value = graph.Reshape(onnx.Input(input), -1);
        if (column.Type is TextDataViewType)
        {
            string[] names = [.. mode.Names.Distinct()];
            return graph.Look(value, ("keys_strings", names), [.. names.Select(name => mode.IndexOf(name) + 1L)]);
        }
        value = graph.Cast(value, OnnxType.Int64);
        var numbers = Numbers(column, mode);
        // The keys of the training in their order: a key is its place.
        var isIdentity = numbers.Index().All(pair => pair.Item.Key == pair.Index + 1 && pair.Item.Value == pair.Index);
        return isIdentity
            ? graph.Where(graph.Node("Greater", [value, graph.Scalar((long)numbers.Count)]), graph.Scalar(0L), value)
            : graph.Look(value, ("keys_int64s", numbers.Keys.ToArray()), [.. numbers.Values.Select(number => number + 1L)]);
    }

    /// <summary>The entity of each key, or of each integer, that has one, ascending.</summary>
    private static SortedDictionary<long, int> Numbers(DataViewSchema.Column column, ModeEntities mode)
    {
        var numbers = new SortedDictionary<long, int>();
        if (column.Type is not KeyDataViewType)
        {
            foreach (var (number, name) in mode.Names.Index())
            {
                if (long.TryParse(name, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var integer))
                {
                    numbers.TryAdd(integer, number);
                }
            }
            return numbers;
        }
        var find = mode.OfKeys(column);
        IEnumerable<ulong> keys = KeyVocabulary.Of(column).Values is { } values && mode.Vocabulary.Values is not null ? Enumerable.Range(1, values.Count).Select(key => (ulong)key) : mode.Keys!;
        foreach (var key in keys)
        {
            if (find(key) is >= 0 and var number)
            {
                // As the graph casts them: the largest keys become negative.
                numbers.TryAdd(unchecked((long)key), number);
            }
        }
        return numbers;
    }

    /// <summary>The core times the rows of all modes, the last mode first: [rows, 1].</summary>
    private static string Contract(OnnxGraph graph, string[] rows, float[] core, IReadOnlyList<int> ranks)
    {
        var rest = graph.Linear(rows[^1], core, null, core.Length / ranks[^1]);
        var size = core.Length / ranks[^1];
        for (var mode = rows.Length - 2; mode >= 0; mode--)
        {
            size /= ranks[mode];
            rest = graph.Squeeze(graph.MatMul(graph.Reshape(rest, 0, size, ranks[mode]), graph.Unsqueeze(rows[mode], 2)), 2);
        }
        return rest;
    }
}
