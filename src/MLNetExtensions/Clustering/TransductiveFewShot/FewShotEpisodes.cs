using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace MLNetExtensions;

/// <summary>Episodes as a view: the rows are held once, however often they are drawn.</summary>
internal static class FewShotEpisodes
{
    internal const string EpisodeColumnName = "Episode";
    internal const string SupportLabelColumnName = "SupportLabel";

    internal static IDataView Draw(IHostEnvironment env, IDataView data, int ways, int shots, int queries, int numberOfEpisodes, string featureColumnName, string labelColumnName, int seed)
    {
        var host = env.Register(nameof(FewShotEpisodes));
        Check.NotNull(host, data);
        Check.Option(host, ways >= 2, ways, "Must be at least 2");
        Check.Option(host, shots > 0, shots, "Must be positive");
        Check.Option(host, queries > 0, queries, "Must be positive");
        Check.Option(host, numberOfEpisodes > 0, numberOfEpisodes, "Must be positive");
        Check.ColumnName(host, featureColumnName);
        Check.ColumnName(host, labelColumnName);
        string[] names = [featureColumnName, labelColumnName, EpisodeColumnName, SupportLabelColumnName];
        Check.Option(host, names.Distinct().Count() == names.Length, labelColumnName, $"The columns of features and labels, '{EpisodeColumnName}' and '{SupportLabelColumnName}' must have different names");

        var label = ClassLabels.Column(labelColumnName);
        var labels = ClassLabels.Of(host, label.Find(host, data.Schema));
        var buffers = DataReader.Read(host, data, default, new InputColumn<float>(featureColumnName, "feature", InputTypes.Number, InputShapes.Fixed), label);
        var (features, keys) = ((RowBuffer<float>)buffers[0], (RowBuffer<ulong>)buffers[1]);
        var rowsOfKeys = new List<int>?[labels.Count];
        for (var row = 0; row < keys.Count; row++)
        {
            if (!labels.IsMissing(keys[row][0]))
            {
                (rowsOfKeys[keys[row][0] - 1] ??= []).Add(row);
            }
        }
        (uint Key, int[] Rows)[] classes = [.. rowsOfKeys.Index().Where(item => item.Item?.Count > shots).Select(item => ((uint)item.Index, item.Item!.ToArray()))];
        if (classes.Length < ways)
        {
            throw Check.BadData(host, $"Episodes of {ways} classes cannot be drawn: {classes.Length} classes of the label column '{labelColumnName}' have the {shots + 1L} rows that an episode needs of each.");
        }
        int[][] rowsOfClasses = [.. classes.Select(item => item.Rows)];
        var vectors = new VBuffer<float>?[features.Count];
        var drawn = new List<Row>();
        for (var i = 0; i < numberOfEpisodes; i++)
        {
            Check.Alive(host);
            var episode = FewShotSampler.Draw(rowsOfClasses, ways, shots, queries, seed, i);
            Add(episode.Support, isSupport: true);
            Add(episode.Queries, isSupport: false);

            void Add(int[][] rowsOfDrawn, bool isSupport)
            {
                foreach (var (place, rows) in rowsOfDrawn.Index())
                {
                    var key = classes[episode.Classes[place]].Key;
                    drawn.AddRange(rows.Select(row => new Row
                    {
                        Features = vectors[row] ??= new(features[row].Length, features[row].ToArray()),
                        Label = key,
                        Episode = (uint)i,
                        SupportLabel = isSupport ? key : MemoryRows.MissingKey,
                    }));
                }
            }
        }

        var schema = SchemaDefinition.Create(typeof(Row));
        schema[nameof(Row.Features)].ColumnName = featureColumnName;
        schema[nameof(Row.Features)].ColumnType = new VectorDataViewType(NumberDataViewType.Single, features[0].Length);
        schema[nameof(Row.Label)].ColumnName = labelColumnName;
        schema[nameof(Row.Episode)].ColumnType = new KeyDataViewType(typeof(uint), numberOfEpisodes);
        labels.AddTo(schema[nameof(Row.Label)]);
        labels.AddTo(schema[nameof(Row.SupportLabel)]);
        return MemoryRows.View(host, drawn, schema);
    }

    // Keys from 0, as views of objects have them.
    private sealed class Row
    {
        public VBuffer<float> Features { get; set; }

        public uint Label { get; set; }

        [ColumnName(EpisodeColumnName)]
        public uint Episode { get; set; }

        [ColumnName(SupportLabelColumnName)]
        public uint SupportLabel { get; set; }
    }
}
