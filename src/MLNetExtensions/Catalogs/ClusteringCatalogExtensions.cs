using MLNetExtensions;

namespace Microsoft.ML;

/// <summary>Clustering with a few labels, and what goes with it, for <see cref="MLContext.Clustering"/>.</summary>
public static class ClusteringCatalogExtensions
{
    /// <summary>
    /// Creates a <see cref="TransductiveFewShotTrainer"/>: tells rows of new classes apart by a few labelled ones, looking at all the rows to be told together; without any label it finds clusters.
    /// </summary>
    /// <param name="catalog">The trainers of the clustering catalog.</param>
    /// <param name="featureColumnName">The feature column: Single or Double, a vector of known size or a scalar.</param>
    /// <param name="labelColumnName">The label column, which only <c>Fit</c> reads: a key, missing in the rows without a label. Null: there is none.</param>
    /// <param name="episodeColumnName">The column of scored data whose values say which rows are one problem: key, text, Int32 or Int64. Null: all rows of a view are one.</param>
    /// <param name="supportLabelColumnName">The column with the labels of scored data, a key, missing in the rows to be told. Null: the labelled rows of <c>Fit</c> serve every episode.</param>
    /// <param name="numberOfClusters">The number of classes and clusters together; needed where no row has a label. Null: the classes with labelled rows. Positive.</param>
    /// <param name="lambda">The weight of the neighbours. Null: 0.5, without any label 1.3. Not negative.</param>
    /// <returns>The trainer.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="catalog"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A name is empty or a number is out of its range.</exception>
    public static TransductiveFewShotTrainer TransductiveFewShot(this ClusteringCatalog.ClusteringTrainers catalog, string featureColumnName = TransductiveFewShotTrainer.Defaults.FeatureColumnName,
        string? labelColumnName = TransductiveFewShotTrainer.Defaults.LabelColumnName, string? episodeColumnName = null, string? supportLabelColumnName = null, int? numberOfClusters = null, double? lambda = null)
        => new(Check.Environment(catalog), new TransductiveFewShotTrainer.Options
        {
            FeatureColumnName = featureColumnName,
            LabelColumnName = labelColumnName,
            EpisodeColumnName = episodeColumnName,
            SupportLabelColumnName = supportLabelColumnName,
            NumberOfClusters = numberOfClusters,
            Lambda = lambda,
        });

    /// <summary>Creates a <see cref="TransductiveFewShotTrainer"/> with all its options: other prototypes, the published algorithms, a choice of λ.</summary>
    /// <param name="catalog">The trainers of the clustering catalog.</param>
    /// <param name="options">The options; they are copied.</param>
    /// <returns>The trainer.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="catalog"/> or <paramref name="options"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option is out of its range.</exception>
    public static TransductiveFewShotTrainer TransductiveFewShot(this ClusteringCatalog.ClusteringTrainers catalog, TransductiveFewShotTrainer.Options options)
        => new(Check.Environment(catalog), options);

    /// <summary>
    /// Draws few-shot episodes: in each, some classes are drawn, of each class some rows that are shown with their labels, and further ones that are asked. Rows are drawn without replacement within an episode; the same seed gives
    /// the same episodes to every method.
    /// </summary>
    /// <remarks>
    /// The result has four columns: the features (vector of Single), the label (key, with its values), <c>Episode</c> (key) and <c>SupportLabel</c> (key, with the values of the label), which is missing in the rows that are asked. An
    /// episode begins with the rows that are shown. Episode e of seed s draws from SplitMix64, started at 1000003 s + e.
    /// </remarks>
    /// <param name="catalog">The clustering catalog.</param>
    /// <param name="data">Labelled rows. They are held in memory once.</param>
    /// <param name="ways">The number of classes of an episode. At least 2.</param>
    /// <param name="shots">The number of rows of each class that are shown. Positive.</param>
    /// <param name="queries">The number of rows of each class that are asked; where a class has fewer left, these. Positive.</param>
    /// <param name="numberOfEpisodes">The number of episodes. Positive.</param>
    /// <param name="featureColumnName">The feature column: Single or Double, a vector of known size or a scalar.</param>
    /// <param name="labelColumnName">The label column: a key. Rows without a label are not drawn, nor are classes with no more rows than are shown.</param>
    /// <param name="seed">The seed.</param>
    /// <returns>The rows of all episodes, one episode after the other.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="catalog"/> or <paramref name="data"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A number is out of its range, or a column is missing or of another type.</exception>
    /// <exception cref="InvalidOperationException">There are too few classes with enough rows.</exception>
    public static IDataView DrawFewShotEpisodes(this ClusteringCatalog catalog, IDataView data, int ways = 5, int shots = 1, int queries = 15, int numberOfEpisodes = 600,
        string featureColumnName = "Features", string labelColumnName = "Label", int seed = 1)
        => FewShotEpisodes.Draw(Check.Environment(catalog), data, ways, shots, queries, numberOfEpisodes, featureColumnName, labelColumnName, seed);

    /// <summary>
    /// Compares predicted labels with true ones, episode by episode: accuracy with its 95 % interval, and, for clusters without names, normalised mutual information and the accuracy of the best matching of clusters to classes.
    /// </summary>
    /// <param name="catalog">The clustering catalog.</param>
    /// <param name="data">Scored data.</param>
    /// <param name="labelColumnName">What is true: a key. Rows without a label do not count.</param>
    /// <param name="predictedLabelColumnName">What was predicted: a key, compared by its values where both keys have them, else by its number. A missing one is wrong.</param>
    /// <param name="episodeColumnName">The column that tells which episode a row belongs to: key, text, Int32 or Int64. Null: all rows are one.</param>
    /// <param name="supportLabelColumnName">The key column of the labels that were shown: rows that have one do not count. Null: none were shown.</param>
    /// <returns>The metrics.</returns>
    /// <exception cref="ArgumentNullException"><paramref name="catalog"/> or <paramref name="data"/> is null.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or of another type.</exception>
    /// <exception cref="InvalidOperationException">No row can be evaluated.</exception>
    public static FewShotMetrics EvaluateFewShot(this ClusteringCatalog catalog, IDataView data, string labelColumnName = "Label", string predictedLabelColumnName = ScoreColumns.PredictedLabel,
        string? episodeColumnName = null, string? supportLabelColumnName = null)
        => FewShotEvaluator.Evaluate(Check.Environment(catalog), data, labelColumnName, predictedLabelColumnName, episodeColumnName, supportLabelColumnName);
}
